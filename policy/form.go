package policy

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"bulkhead/call"
	"bulkhead/catalog"
	"bulkhead/fault"
)

// Form is a decision as the record keeps it: what was asked beyond the call's
// names, which offerings may serve it and what is owed there, and each rule
// that forbade the call or another offering. Deciding again by the same estate
// at the same time gives the same form. It is shared and not changed.
type Form struct {
	// JSON is an object in the canonical form of RFC 8785:
	// {"against":[…],"asked":{…},"offerings":[…]}.
	JSON string
	// Offerings are the full names of those that may serve the call, in the
	// alias's order of preference.
	Offerings []string
	// Question is the member asked of JSON alone, as an object of its own:
	// {"asked":{…}}. It is what [Question.Recall] needs.
	Question string
	// Purpose is what was asked for, or the workload's primary one.
	Purpose string
	// Digest is the SHA-256 of the canonical form of JSON together with the
	// workload, the alias, the dialect, the action, the purpose and the marking.
	// Of each source the file counts and not the line: an estate whose files
	// were laid out anew has the same digest, and decides the same.
	Digest [32]byte
}

type formed struct {
	Against   []fault.Reason   `json:"against,omitempty"`
	Asked     asked            `json:"asked,omitzero"`
	Offerings []formedOffering `json:"offerings,omitempty"`
}

// asked is what of a question no other member of an admission holds.
type asked struct {
	LeastTokens int64        `json:"least_tokens,omitzero"`
	Modalities  []string     `json:"modalities,omitempty"`
	Needs       []formedNeed `json:"needs,omitempty"`
}

type formedNeed struct {
	Capability string `json:"capability"`
	Field      string `json:"field,omitempty"`
}

type formedOffering struct {
	Duties   []formedDuty `json:"duties,omitempty"`
	Offering string       `json:"offering"`
}

type formedDuty struct {
	By         string `json:"by,omitempty"`
	Document   string `json:"document,omitempty"`
	Gate       string `json:"gate,omitempty"`
	Means      string `json:"means"`
	Obligation string `json:"obligation"`
	Source     string `json:"source,omitempty"`
}

// formOf gives the form of what a question came to, made when it is first asked for.
func formOf(q *Question, o *outcome) func() *Form {
	question := *q
	return sync.OnceValue(func() *Form { return makeForm(&question, o.grants, o.reasons) })
}

func makeForm(q *Question, grants []grant, reasons []fault.Reason) *Form {
	f := &Form{Purpose: q.purpose()}
	body := formed{Against: reasons, Asked: asked{LeastTokens: q.LeastTokens, Modalities: q.Modalities}}
	for _, n := range q.Needs {
		body.Asked.Needs = append(body.Asked.Needs, formedNeed{string(n.Capability), n.Field})
	}
	for _, g := range grants {
		f.Offerings = append(f.Offerings, g.offering.Name)
		row := formedOffering{Offering: g.offering.Name}
		for _, d := range g.duties {
			row.Duties = append(row.Duties, formedDuty{d.By, d.Document, string(d.Gate), string(d.Means), string(d.Obligation), place(d.Source)})
		}
		body.Offerings = append(body.Offerings, row)
	}
	f.JSON, f.Question = string(canonical(body)), string(canonical(formed{Asked: body.Asked}))
	whole := struct {
		Action, Alias, Dialect, Purpose, Workload string
		Form                                      jsontext.Value
		Label                                     any
	}{string(q.Action), q.Alias.Name, q.Dialect, q.purpose(), q.Workload.Name, canonical(body.withoutLines()), q.Label}
	f.Digest = sha256.Sum256(canonical(whole))
	return f
}

// withoutLines is the form with files alone as sources.
func (f formed) withoutLines() formed {
	file := func(source string) string {
		name, _, _ := strings.Cut(source, ":")
		return name
	}
	f.Against, f.Offerings = slices.Clone(f.Against), slices.Clone(f.Offerings)
	for i := range f.Against {
		f.Against[i].Source = file(f.Against[i].Source)
	}
	for i := range f.Offerings {
		f.Offerings[i].Duties = slices.Clone(f.Offerings[i].Duties)
		for k := range f.Offerings[i].Duties {
			f.Offerings[i].Duties[k].Source = file(f.Offerings[i].Duties[k].Source)
		}
	}
	return f
}

// Recall puts what a form says was asked into a question: its needs, its
// modalities and its least tokens. A form without it is that of a plain call.
func (q *Question) Recall(form []byte) error {
	var f struct {
		Asked asked `json:"asked"`
	}
	if err := json.Unmarshal(form, &f); err != nil {
		return fmt.Errorf("policy: what was asked: %w", err)
	}
	q.LeastTokens, q.Modalities, q.Needs = f.Asked.LeastTokens, f.Asked.Modalities, nil
	for _, n := range f.Asked.Needs {
		q.Needs = append(q.Needs, Need{call.Capability(n.Capability), n.Field})
	}
	return nil
}

func place(s catalog.Source) string {
	if s.File == "" {
		return ""
	}
	return s.File + ":" + strconv.Itoa(s.Line)
}

// canonical writes a value of this file, all of whose parts are JSON, in the
// canonical form of RFC 8785.
func canonical(v any) jsontext.Value {
	b, err := json.Marshal(v)
	text := jsontext.Value(b)
	if err == nil {
		err = text.Canonicalize()
	}
	if err != nil {
		panic("policy: a decision that is no JSON: " + err.Error())
	}
	return text
}
