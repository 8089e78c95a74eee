package estate

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"bulkhead/dialect"
	"bulkhead/translate"
)

// losable are the fields that some dialect refuses where another cannot say
// them, in the words of its callers: what a workload's entry may allow to lose.
var losable = sync.OnceValue(func() []string {
	var out []string
	for _, d := range translate.Dialects() {
		for _, f := range d.Server.Fields() {
			if f.Fate == dialect.FateRefused {
				out = append(out, strings.TrimSuffix(f.Path, ".**"))
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
})

// lossProblem refuses what no refusal names.
func lossProblem(s string) (problem, hint string) {
	if slices.Contains(losable(), s) {
		return "", ""
	}
	if near := nearest(s, losable()); near != "" {
		return "is no field that a translation refuses", fmt.Sprintf("did you mean %q?", near)
	}
	return "is no field that a translation refuses", "write the field that the refusal names, without numbers, such as n, stop_sequences or messages[].content[].source"
}
