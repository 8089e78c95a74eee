package estate

import (
	"encoding/json"
	"strings"
	"sync"

	"bulkhead/catalog"
	"bulkhead/marking"
)

// markingPattern is what any marking looks like, for the JSON Schema: capitals,
// digits and the separators of the markings system.
const markingPattern = `^(//)?[A-Z][A-Z0-9 ,/.()-]*$`

// register reads markings by the shipped table; it is shared and never changes.
var register = sync.OnceValue(func() *marking.Register { return marking.NewRegister(marking.Shipped(), marking.IC) })

// shippedMarkings gives the content of the shipped table of markings.
func shippedMarkings() []byte {
	data, err := json.Marshal(marking.Shipped())
	if err != nil {
		panic("estate: the shipped table of markings: " + err.Error())
	}
	return data
}

// readMarking reads a marking as a banner, or as a portion without its
// parentheses (U, S//NF), which is how an estate may abbreviate it.
func readMarking(s string) marking.Reading {
	banner := register().Parse(s, marking.Banner)
	if banner.Valid() {
		return banner
	}
	if portion := register().Parse("("+s+")", marking.Portion); portion.Valid() {
		return portion
	}
	return banner
}

// markingProblem says why a text is no marking.
func markingProblem(s string) (problem, hint string) {
	reading := readMarking(s)
	if reading.Valid() {
		return "", ""
	}
	hint = "write a banner such as U, CUI or SECRET//NOFORN"
	if up := strings.ToUpper(s); up != s && readMarking(up).Valid() {
		hint = "write " + quoted(up)
	}
	return "is no marking: " + reading.Errors[0].Message, hint
}

// markingLevel gives the clearance that a marking without faults asks for.
func markingLevel(s string) string { return readMarking(s).Mark.Level.String() }

// isPlainU reports whether a banner says unclassified and nothing more.
func isPlainU(banner string) bool { return banner == "U" || banner == "UNCLASSIFIED" }

// aboveDomain reports whether a level may not be in a domain at all.
func aboveDomain(level string, d catalog.Domain) bool {
	highest, known := map[catalog.Domain]marking.Level{catalog.Unclassified: marking.Unclassified,
		catalog.Secret: marking.Secret, catalog.TopSecret: marking.TopSecret}[d]
	asked, ok := marking.ParseLevel(level)
	return known && ok && asked > highest
}
