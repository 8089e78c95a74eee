package policy

import (
	"fmt"
	"strconv"
	"time"

	"bulkhead/catalog"
	"bulkhead/fault"
)

// callRule is a rule that looks at the call alone: what it forbids, it forbids
// at every offering.
type callRule struct {
	name    string
	kind    fault.Kind // of the refusal if it is the first that forbids
	meaning string
	ask     func(c *cell)
}

// offeringRule is a rule that looks at the call and one offering.
type offeringRule struct {
	name    string
	meaning string
	ask     func(c *cell)
}

// callRules are asked once a call, in this order. A rule that does not find what
// it needs forbids.
var callRules = [...]callRule{
	{"marking-floor", fault.BelowFloor, "the marking is not below the workload's floor", markingFloor},
	{"marking-ceiling", fault.AboveCeiling, "the workload's ceiling may have the marking", markingCeiling},
	{"enclave-ceiling", fault.AboveCeiling, "the enclave's ceiling may have the marking", enclaveCeiling},
	{"enclave-authorisation", fault.Denied, "the enclave's authorisation has begun and not expired", enclaveAuthorisation},
	{"audience-dates", fault.Denied, "the document on the workload's audience has not expired", audienceDates},
	{"access-of-subject", fault.Denied, "the workload's audience, and the person if one is known, may have the marking", accessOfSubject},
	{"purpose", fault.Denied, "the purpose is in the table and is one of the workload's", purposeKnown},
	{"high-impact", fault.Denied, "a high-impact workload has its practices on record", highImpact},
}

// offeringRules are asked of every offering of the alias, in this order; all of
// them are asked, so that a refusal can name each that forbids.
var offeringRules = [...]offeringRule{
	{"enablement", "the vendor has enabled the offering, and its day has come", enablement},
	{"notice", "for a sensitive customer, but on the agency's own machines, the vendor's notice was sent and its clock has run out", notice},
	{"status", "no status or phase-out that has effect for the workload covers the offering", status},
	{"domain", "the partition lies in the enclave's domain, and the marking fits the domain", domain},
	{"territory", "all regions that inference may move to lie in the enclave's territory", territory},
	{"crypto", "the connection is encrypted as the enclave demands", crypto},
	{"authorisation-dates", "there is an authorisation in force of the provider and of the agency; on the agency's own machines, of the agency", authorisationDates},
	{"access-of-offering", "the partition and every authorisation in force may have the marking", accessOfOffering},
	{"handling", "those who may see data at the offering may have the marking, and it does not become training data", handling},
	{"terms-purpose", "the vendor's terms and the contract allow the purpose", termsPurpose},
	{"obligations", "every obligation under which the purpose is allowed is met", obligations},
	{"organisation", "terms and contract do not leave out the workload's organisation", organisation},
	{"deployment", "terms and contract allow the place where the model runs", deployment},
	{"competitor", "neither vendor nor cloud is a competitor that the workload names", competitor},
	{"dialect", "this build carries calls from the caller's dialect into the endpoint's", dialectCarried},
	{"action", "the model does what the call asks: chat, or embeddings", actionServed},
	{"capability", "the offering's row grants every capability that the call uses", capability},
	{"modality", "the model reads and writes every modality of the call", modality},
	{"context", "the call can fit the model's context", context},
	{"agency-policy", "the agency's own policies permit it, and none forbids it or fails", agencyPolicy},
}

// Rule is a built-in rule as it is published.
type Rule struct {
	Name    string
	Meaning string // what has to be true
	OfCall  bool   // it looks at the call alone
}

// Rules lists the built-in rules in the order in which they are asked.
func Rules() []Rule {
	var out []Rule
	for _, r := range callRules {
		out = append(out, Rule{r.name, r.meaning, true})
	}
	for _, r := range offeringRules {
		out = append(out, Rule{r.name, r.meaning, false})
	}
	return out
}

// ask is a question made ready: what the rules read, worked out once.
type ask struct {
	Question
	workload *workload
	purpose  string
	now      time.Time
	content  content
	request  *request // for the agency's policies; nil: there are none
}

// cell is one question at one offering, or at none while rules of the call are asked.
type cell struct {
	engine   *Engine
	ask      *ask
	offering *offering // nil: rules of the call
	rule     string    // that is being asked
	reasons  []fault.Reason
	duties   []Duty
	agreed   bool // a policy of the agency permits it
}

// forbid notes that the rule being asked forbids, and why. The text is for the
// caller too: it never names what a subject must be read into.
func (c *cell) forbid(s catalog.Source, format string, args ...any) {
	r := fault.Reason{Rule: c.rule, Why: fmt.Sprintf(format, args...)}
	if c.offering != nil {
		r.Offering = c.offering.Name
	}
	if s.File != "" {
		r.Source = s.File + ":" + strconv.Itoa(s.Line)
	}
	c.reasons = append(c.reasons, r)
}
