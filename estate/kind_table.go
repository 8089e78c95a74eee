package estate

import "bulkhead/marking"

// tableFile is one of tables/*.yaml.
type tableFile struct {
	at
	Edition    text                  `key:"edition" doc:"What the entries were taken from and when; needed with markings and partitions"`
	Markings   markingEntries        `key:"markings" doc:"Entries of the table by which markings are read"`
	Partitions table[partitionEntry] `key:"partitions" keys:"partition" doc:"Partitions of clouds that are added to the shipped table, or what is added to those it has"`
	Purposes   table[purposeEntry]   `key:"purposes" keys:"purpose" doc:"Purposes that replace those of the shipped table, or are added to it"`
}

type markingEntries struct {
	at
	Countries     list[text]        `key:"countries" form:"trigraph" doc:"Countries that are added, by codes of three letters"`
	Organisations table[list[text]] `key:"organisations" keys:"organisation" form:"trigraph" doc:"Organisations (tetragraphs) with their member countries, in place of the shipped ones of those codes; an empty list stands for itself alone"`
	CUI           list[text]        `key:"cui" form:"cui_category" doc:"CUI categories that are added, by their abbreviations"`
	Withdrawn     list[text]        `key:"withdrawn" form:"cui_category" doc:"CUI categories of the shipped table that the registry no longer has; they count as unknown, so they restrict"`
	SCI           table[sciEntry]   `key:"sci" keys:"sci" doc:"SCI control systems, in place of the shipped ones of those names"`
}

type sciEntry struct {
	at
	Title               text             `key:"title" form:"sci_title" doc:"Name in words, which is read as the system"`
	Legacy              list[text]       `key:"legacy" form:"sci_title" doc:"Names of old that are read as the system"`
	Min                 text             `key:"min,required" enum:"C S TS" doc:"Lowest level that it stands on without compartments"`
	BareIsLegacy        truth            `key:"bare_is_legacy" doc:"Whether the system without a compartment is a form of old" default:"false"`
	CompartmentRequired truth            `key:"compartment_required" doc:"Whether it never stands without a compartment" default:"false"`
	Implies             list[text]       `key:"implies" enum:"ORCON NOFORN" doc:"Controls that it implies" default:"none"`
	Compartments        table[partEntry] `key:"compartments" keys:"sci" doc:"Its compartments, by their codes"`
	Any                 nameShape        `key:"any" doc:"Compartments that are not listed but known by their length" default:"others are unknown, and restrict"`
}

type partEntry struct {
	at
	Title   text       `key:"title" form:"sci" doc:"Name in one word, which is read as the compartment"`
	Min     text       `key:"min,required" enum:"C S TS" doc:"Lowest level that it stands on"`
	Implies list[text] `key:"implies" enum:"ORCON NOFORN" doc:"Controls that it implies" default:"none"`
	Sub     nameShape  `key:"sub" doc:"Its sub-compartments, by their length" default:"one to six letters and digits"`
}

type nameShape struct {
	at
	MinLen  whole      `key:"min_len,required" min:"1" max:"24" doc:"Fewest letters and digits"`
	MaxLen  whole      `key:"max_len,required" min:"1" max:"24" doc:"Most letters and digits"`
	Min     text       `key:"min,required" enum:"C S TS" doc:"Lowest level that they stand on"`
	Implies list[text] `key:"implies" enum:"ORCON NOFORN" doc:"Controls that they imply" default:"none"`
}

// value gives the shape; nil if it was not written or not whole.
func (s nameShape) value() *marking.Shape {
	if !s.whole() || !s.written() {
		return nil
	}
	return &marking.Shape{MinLen: int(s.MinLen.V), MaxLen: int(s.MaxLen.V), Min: s.Min.V, Implies: words(s.Implies)}
}

// whole reports whether everything was read that the shape needs, if it was written.
func (s nameShape) whole() bool {
	return !s.written() || s.MinLen.V > 0 && s.MaxLen.V > 0 && s.Min.V != ""
}

// value gives the system, and whether everything was read that it needs.
func (s sciEntry) value(name string) (marking.SystemControl, bool) {
	whole := s.Min.V != "" && s.Any.whole() && !s.Compartments.lost
	out := marking.SystemControl{System: name, Title: s.Title.V, Legacy: words(s.Legacy), Min: s.Min.V, BareIsLegacy: s.BareIsLegacy.V,
		CompartmentRequired: s.CompartmentRequired.V, Implies: words(s.Implies), Any: s.Any.value()}
	for _, r := range s.Compartments.Rows {
		whole = whole && r.Value.Min.V != "" && r.Value.Sub.whole()
		out.Compartments = append(out.Compartments, marking.Part{ID: r.Name, Title: r.Value.Title.V, Min: r.Value.Min.V,
			Implies: words(r.Value.Implies), Sub: r.Value.Sub.value()})
	}
	return out, whole
}

type partitionEntry struct {
	at
	Cloud       text        `key:"cloud" form:"name" doc:"Cloud that it is a part of" default:"that of the shipped table"`
	Domain      text        `key:"domain" enum:"unclassified secret top-secret" doc:"Network that it lies in; one that the shipped table states cannot be changed" default:"that of the shipped table"`
	Regions     table[text] `key:"regions" keys:"partition" form:"country" doc:"Regions with their countries, added or in place of the shipped ones of those names" default:"those of the shipped table"`
	Hosts       list[text]  `key:"hosts" form:"host_pattern" doc:"Hosts that are added, with * for one part of the name and {region} for the region"`
	FIPSHosts   list[text]  `key:"fips_hosts" form:"host_pattern" doc:"Hosts with validated cryptography that are added, written likewise"`
	FIPSRegions list[text]  `key:"fips_regions" form:"partition" doc:"Regions with a FIPS host that are added"`
}

type purposeEntry struct {
	at
	Category text  `key:"category,required" form:"category" doc:"Category of vendors' policies that speaks of it, or a name of its own"`
	Risk     text  `key:"risk,required" enum:"high low" doc:"Whether what is not known of it denies (high) or permits (low)"`
	Below    truth `key:"below" doc:"Whether the codes below it are of it as well" default:"false"`
	Title    text  `key:"title" doc:"What it is, in words"`
}
