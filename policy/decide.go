package policy

import (
	"slices"
	"time"

	"bulkhead/catalog"
	"bulkhead/fault"
)

// Decide holds every offering of the alias against every rule and gives a
// permit for those that none forbids, or a refusal that names for each
// offering every rule that did. It costs no look at anything outside the
// engine. A verdict of the same question is remembered until the next instant
// at which a date of the estate changes anything; the agency's policies that
// read the time are asked each time.
func (e *Engine) Decide(q Question) Decision {
	w := e.workloads[q.Workload]
	if w == nil || q.Alias == nil || w.Aliases[q.Alias.Name] != q.Alias {
		f := fault.New(fault.Denied, "The call names a workload or an alias that this estate does not have.").Final()
		return Decision{Refusal: f}
	}
	var v *verdict
	k, remembered := key{}, false
	if e.memory != nil {
		k = e.keyOf(&q)
		if v = e.memory.find(k, q.Label, q.Now); v != nil {
			remembered = true
		}
	}
	if v == nil {
		v = e.judgeAlias(e.makeReady(q, w), q.Alias)
		if e.memory != nil {
			e.memory.keep(k, q.Label, v)
		}
	}
	o := v.outcome
	if o == nil { // policies that read the time have their say at each call
		a := e.makeReady(q, w)
		o = e.settle(a, e.withTimed(a, v))
	}
	return e.answer(&q, v, o, remembered)
}

// Verdict is what the rules come to for one offering.
type Verdict struct {
	Allowed bool
	Reasons []fault.Reason // every rule that forbids; those of the call have no offering
	Duties  []Duty         // obligations that are met, if it is allowed
	Until   time.Time      // first instant at which a date may change it; zero: none
}

// Judge holds one offering, of the question's alias or not, against every rule.
// Nothing is remembered and nothing is proven by it: it is for studies.
func (e *Engine) Judge(q Question, o *catalog.Offering) Verdict {
	w := e.workloads[q.Workload]
	if w == nil || o == nil || o.Index >= len(e.offerings) || e.offerings[o.Index].Offering != o {
		return Verdict{Reasons: []fault.Reason{{Rule: "estate", Why: "the workload or the offering is not of this estate"}}}
	}
	a := e.makeReady(q, w)
	reasons, _ := e.judgeCall(a)
	j := e.finish(a, e.judgeOffering(a, &e.offerings[o.Index]))
	out := Verdict{Reasons: append(reasons, j.reasons...)}
	if out.Allowed = len(out.Reasons) == 0; out.Allowed {
		out.Duties = j.duties
	}
	_, out.Until = e.span(q.Now)
	return out
}

// verdict is what the rules come to for an alias, without policies that read
// the time.
type verdict struct {
	from, until time.Time // between them it holds
	call        []fault.Reason
	kind        fault.Kind
	cells       []judged // the alias's offerings, in its order
	outcome     *outcome // nil: policies that read the time have yet to be asked
}

// judged is one offering of it.
type judged struct {
	offering *catalog.Offering
	reasons  []fault.Reason
	duties   []Duty
	agreed   bool // a policy of the agency permits it
}

// outcome is a verdict in the form in which it is answered. It is shared and
// not changed.
type outcome struct {
	grants  []grant
	refusal *fault.Fault
	reasons []fault.Reason
	form    func() *Form
	tokens  int64 // LeastTokens of the question that it was made for: another's form differs by them
}

func (e *Engine) makeReady(q Question, w *workload) *ask {
	a := &ask{Question: q, workload: w, purpose: q.purpose(), now: q.Now, content: contentOf(q.Label)}
	if e.agency != nil {
		a.request = e.agency.request(a)
	}
	return a
}

func (e *Engine) judgeAlias(a *ask, alias *catalog.Alias) *verdict {
	v := &verdict{}
	v.from, v.until = e.span(a.now)
	v.call, v.kind = e.judgeCall(a)
	for _, o := range alias.Offerings {
		v.cells = append(v.cells, e.judgeOffering(a, &e.offerings[o.Index]))
	}
	if e.agency == nil || len(e.agency.timed) == 0 {
		v.outcome = e.settle(a, v)
	}
	return v
}

func (e *Engine) judgeCall(a *ask) (reasons []fault.Reason, kind fault.Kind) {
	c := cell{engine: e, ask: a}
	for i := range callRules {
		c.rule = callRules[i].name
		callRules[i].ask(&c)
		if kind == "" && len(c.reasons) > 0 {
			kind = callRules[i].kind
		}
	}
	return c.reasons, kind
}

func (e *Engine) judgeOffering(a *ask, o *offering) judged {
	c := cell{engine: e, ask: a, offering: o}
	for i := range offeringRules {
		c.rule = offeringRules[i].name
		offeringRules[i].ask(&c)
	}
	return judged{o.Offering, c.reasons, c.duties, c.agreed}
}

// settle turns a verdict into what is answered.
func (e *Engine) settle(a *ask, v *verdict) *outcome {
	out := &outcome{reasons: slices.Clip(v.call)}
	for _, j := range v.cells {
		j = e.disagreed(j)
		if out.reasons = append(out.reasons, j.reasons...); len(j.reasons) == 0 && len(v.call) == 0 {
			out.grants = append(out.grants, grant{j.offering, j.duties})
		}
	}
	if len(out.grants) == 0 {
		out.refusal = e.refusal(a, v, out.reasons)
	}
	out.form, out.tokens = formOf(&a.Question, out), a.LeastTokens
	return out
}

func (e *Engine) answer(q *Question, v *verdict, o *outcome, remembered bool) Decision {
	form := o.form
	if q.LeastTokens != o.tokens {
		form = formOf(q, o)
	}
	d := Decision{Reasons: slices.Clone(o.reasons), Until: v.until, Remembered: remembered, form: form}
	if o.refusal != nil {
		f := *o.refusal
		f.Reasons = slices.Clone(f.Reasons)
		d.Refusal = &f
		return d
	}
	d.Permit = &Permit{engine: e, workload: q.Workload, alias: q.Alias, purpose: q.purpose(), label: q.Label, grants: o.grants, form: form,
		until: v.until, declaredDown: !e.workloads[q.Workload].standard.AtMost(q.Label)}
	return d
}
