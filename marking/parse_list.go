package marking

import (
	"slices"
	"strconv"
	"strings"
)

// list reads countries and organisations separated by ", " (commas) or by one blank. It gives the known and the
// opaque in the order written, each once.
func (p *parser) list(s string, at span, commas bool) []string {
	out := make([]string, 0, 1+strings.Count(s, " ")+strings.Count(s, ","))
	separatorTold := false
	wrong := func() {
		if !separatorTold {
			message := "codes are separated by one blank"
			if commas {
				message = "codes are separated by a comma and one blank"
			}
			if commas && p.r.profile == DoD {
				p.warn(WarnProfile, at, message)
			} else {
				p.fail(ErrListSeparator, at, message)
			}
		}
		separatorTold = true
	}
	for i, start := 0, 0; i <= len(s); i++ {
		if i < len(s) && s[i] != ' ' && s[i] != ',' {
			continue
		}
		if i > start {
			out = p.member(out, s[start:i], at)
		}
		if i < len(s) {
			comma := s[i] == ','
			next := i + 1
			if comma && next < len(s) && s[next] == ' ' {
				next++
			} else if comma && commas {
				wrong()
			}
			if comma != commas || next == len(s) {
				wrong()
			}
			i = next - 1
		}
		start = i + 1
	}
	return out
}

func (p *parser) member(out []string, s string, at span) []string {
	c := packCode(s)
	name, ok := p.r.table.names[c]
	switch {
	case len(s) > 4 || !ok && (len(s) != 4 || !upperAlpha(s)):
		p.fail(ErrUnknownCountry, at, "no country or organisation of the table: "+s)
		return out
	case !ok:
		p.warn(WarnUnknownEntry, at, "no organisation of the table; stands for itself alone: "+s)
		name = s
	}
	if slices.Contains(out, name) {
		p.fail(ErrDuplicate, at, "listed twice: "+s)
		return out
	}
	return append(out, name)
}

// sorted puts a list in order (countries, then organisations) and faults one that was not.
func (p *parser) sorted(list []string, at span) {
	byCode := func(a, b string) int { return orderCodes(packCode(a), packCode(b)) }
	if !slices.IsSortedFunc(list, byCode) {
		p.fail(ErrListOrder, at, "countries are alphabetical, then organisations")
		slices.SortFunc(list, byCode)
	}
}

func (p *parser) relTo(rest string, at span) {
	m := &p.out.Mark
	again := m.Controls.Has(RELTO)
	list := p.list(strings.TrimPrefix(rest, " "), at, true)
	switch {
	case len(list) == 0:
		p.fail(ErrRelToEmpty, at, "REL TO needs its list: REL TO USA, ...")
	case list[0] != "USA":
		p.fail(ErrRelToUSAFirst, at, "REL TO begins with USA")
		if i := slices.Index(list, "USA"); i > 0 {
			list = slices.Insert(slices.Delete(list, i, i+1), 0, "USA")
			p.sorted(list[1:], at)
		} else {
			p.sorted(list, at)
		}
	case len(list) == 1:
		p.fail(ErrRelToUSAAlone, at, "REL TO names somebody beside USA")
	default:
		p.sorted(list[1:], at)
	}
	if !again {
		m.RelTo = list
	}
	p.control(RELTO, "REL TO", at)
}

func (p *parser) displayOnly(rest string, at span) {
	m := &p.out.Mark
	list := p.list(strings.TrimPrefix(rest, " "), at, true)
	p.sorted(list, at)
	if !m.Controls.Has(DISPLAYONLY) {
		m.DisplayOnly = list
	}
	p.control(DISPLAYONLY, "DISPLAY ONLY", at)
}

func (p *parser) fgi(rest string, at span) {
	m := &p.out.Mark
	p.fgiAt = at
	list := p.list(rest, at, false)
	if i := slices.Index(list, "USA"); i >= 0 {
		p.fail(ErrFGIUSA, at, "USA is not foreign")
		list = slices.Delete(list, i, i+1)
	}
	p.sorted(list, at)
	m.FGI = FGI{Present: true, Countries: list}
	if len(list) == 0 {
		m.FGI.Countries = nil
	}
}

func (p *parser) aea(kind aeaKinds, at span) {
	m := &p.out.Mark
	if m.AEA.kinds&kind != 0 {
		p.fail(ErrDuplicate, at, "named twice")
	}
	// RD, FRD, DOD UCNI, DOE UCNI, TFNI: the order of the bits.
	if m.AEA.kinds > kind {
		p.fail(ErrListOrder, at, "the order is RD, FRD, DOD UCNI, DOE UCNI, TFNI")
	}
	m.AEA.kinds |= kind
	p.aeaAt = at
}

// aeaEntry reads RD and FRD with what hangs on them.
func (p *parser) aeaEntry(s string, at span) category {
	base, rest, _ := strings.Cut(s, "-")
	var kind aeaKinds
	under := 0
	switch base {
	case "RD", "RESTRICTED DATA":
		kind = aeaRD
	case "FRD", "FORMERLY RESTRICTED DATA":
		kind, under = aeaFRD, 1
	case "CNWDI", "CRITICAL NUCLEAR WEAPON DESIGN INFORMATION":
		p.fail(ErrAEACNWDIParent, at, "CNWDI hangs on RD: RD-CNWDI")
		p.out.Mark.AEA.kinds |= aeaRD | aeaCNWDI
		p.aeaAt = at
		return catAEA
	default:
		return catNone
	}
	m := &p.out.Mark
	second := m.AEA.kinds&kind != 0 && rest != ""
	if !second {
		p.aea(kind, at)
	}
	for rest != "" {
		var item string
		item, rest, _ = strings.Cut(rest, "-")
		switch numbers, sigma := cutAny(item, "SIGMA", "SG"); {
		case item == "CNWDI" || item == "N":
			if kind == aeaFRD {
				p.fail(ErrAEACNWDIParent, at, "CNWDI hangs on RD, not on FRD")
				m.AEA.kinds |= aeaRD
			}
			if m.AEA.kinds&aeaCNWDI != 0 {
				p.fail(ErrDuplicate, at, "CNWDI is named twice")
			}
			m.AEA.kinds |= aeaCNWDI
			p.cnwdiN = item == "N"
		case sigma:
			if strings.HasPrefix(item, "SG") != p.portion() {
				p.fail(ErrForm, at, "a banner says SIGMA, a portion mark SG")
			}
			p.sigma(numbers, under, at)
		default:
			m.Unknown = append(m.Unknown, s)
			p.fail(ErrUnknownToken, at, "not below RD or FRD: "+item)
		}
	}
	return catAEA
}

func (p *parser) sigma(numbers string, under int, at span) {
	set := &p.out.Mark.AEA.sigmas[under]
	last := 0
	if !set.empty() {
		p.fail(ErrDuplicate, at, "SIGMA is named twice")
	}
	for f := range strings.FieldsSeq(numbers) {
		n, err := strconv.Atoi(f)
		switch {
		case err != nil || n < 1 || n > 99 || len(f) > 2 || f[0] == '0':
			p.fail(ErrAEASigma, at, "not a SIGMA number: "+f)
			continue
		case p.r.profile == IC && n != 14 && n != 15 && n != 18 && n != 20:
			p.fail(ErrAEASigma, at, "SIGMA is one of 14, 15, 18, 20: "+f)
		case n <= last:
			p.fail(ErrAEASigma, at, "SIGMA numbers ascend")
		}
		last = n
		set.add(n)
	}
	if last == 0 {
		p.fail(ErrAEASigma, at, "SIGMA needs its numbers")
	}
}
