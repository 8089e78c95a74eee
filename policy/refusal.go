package policy

import (
	"fmt"
	"slices"
	"strings"

	"bulkhead/catalog"
	"bulkhead/fault"
)

// refusal says what was refused, one clause an offering, and what would be
// allowed; less where the workload's callers are to know less.
func (e *Engine) refusal(a *ask, v *verdict, reasons []fault.Reason) *fault.Fault {
	w := a.workload
	kind, what := v.kind, fmt.Sprintf("The call may not be served for workload %s", w.Name)
	if kind == "" {
		kind, what = fault.NoEligibleOffering, fmt.Sprintf("No offering of the alias %q may serve this call", a.Alias.Name)
	}
	if a.mayHave(a.Label) {
		what += ", which is marked " + a.Label.String()
	}
	if w.RefusalDetail == "brief" {
		f := fault.New(kind, "%s. The operators of Bulkhead can look up why.", what).Final()
		for _, r := range reasons {
			brief := fault.Reason{Rule: r.Rule, Why: "the rule forbids the call"}
			if !slices.Contains(f.Reasons, brief) {
				f.Reasons = append(f.Reasons, brief)
			}
		}
		return f
	}
	f := fault.New(kind, "%s: %s.", what, clauses(a, v))
	if other := e.otherAlias(a, v); other != "" {
		f.Message += fmt.Sprintf(" The alias %q may serve it.", other)
	}
	f.Reasons = reasons
	return f.Final()
}

// clauses gives the reasons of the call, or else for each offering its first.
func clauses(a *ask, v *verdict) string {
	var out []string
	for _, r := range v.call {
		out = append(out, r.Why)
	}
	if len(out) == 0 {
		for _, j := range v.cells {
			clause := j.offering.Name + ": "
			switch n := len(j.reasons); n {
			case 0:
				clause += "no policy of the agency permits it"
			case 1:
				clause += j.reasons[0].Why
			default:
				clause += fmt.Sprintf("%s (and %d more)", j.reasons[0].Why, n-1)
			}
			out = append(out, clause)
		}
	}
	if len(out) == 0 {
		return "the estate has no offering of its models"
	}
	return strings.Join(out, "; ")
}

// otherAlias names an alias of the workload that may serve the call, or nothing.
func (e *Engine) otherAlias(a *ask, v *verdict) string {
	if len(v.call) > 0 {
		return ""
	}
	for _, name := range sortedKeys(a.workload.Aliases) {
		if alias := a.workload.Aliases[name]; alias != a.Alias && e.mayServe(a, alias) {
			return name
		}
	}
	return ""
}

func (e *Engine) mayServe(a *ask, alias *catalog.Alias) bool {
	for _, o := range alias.Offerings {
		if slices.Contains(a.Alias.Offerings, o) {
			continue // refused already
		}
		if j := e.finish(a, e.judgeOffering(a, &e.offerings[o.Index])); len(j.reasons) == 0 {
			return true
		}
	}
	return false
}
