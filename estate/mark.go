package estate

import (
	"encoding/json"
	"strings"

	"bulkhead/catalog"
	"bulkhead/marking"
)

// markingPattern is what any marking looks like, for the JSON Schema: capitals,
// digits and the separators of the markings system.
const markingPattern = `^(//)?[A-Z][A-Z0-9 ,/.()-]*$`

// shippedMarkings gives the content of the shipped table of markings.
func shippedMarkings() []byte {
	data, err := json.Marshal(marking.Shipped())
	if err != nil {
		panic("estate: the shipped table of markings: " + err.Error())
	}
	return data
}

// markingProblem says why a text is no marking.
func markingProblem(t *tables, s string) (problem, hint string) {
	reading := t.marks.Read(s)
	if reading.Valid() || t.unsure {
		return "", ""
	}
	hint = "write a banner such as U, CUI or SECRET//NOFORN"
	if up := strings.ToUpper(s); up != s && t.marks.Read(up).Valid() {
		hint = "write " + quoted(up)
	}
	return "is no marking: " + reading.Errors[0].Message, hint
}

// level gives the clearance that a marking without faults asks for.
func (t *tables) level(s string) string { return t.marks.Read(s).Mark.Level.String() }

// isPlainU reports whether a banner says unclassified and nothing more.
func isPlainU(banner string) bool { return banner == "U" || banner == "UNCLASSIFIED" }

// aboveDomain reports whether a level may not be in a domain at all.
func aboveDomain(level string, d catalog.Domain) bool {
	highest, known := map[catalog.Domain]marking.Level{catalog.Unclassified: marking.Unclassified,
		catalog.Secret: marking.Secret, catalog.TopSecret: marking.TopSecret}[d]
	asked, ok := marking.ParseLevel(level)
	return known && ok && asked > highest
}
