package gateway

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"strconv"

	"github.com/go-json-experiment/json"

	"bulkhead/call"
	"bulkhead/catalog"
	"bulkhead/dialect"
	"bulkhead/fault"
	"bulkhead/identity"
	"bulkhead/inspect"
	"bulkhead/policy"
)

// hear tells the reader of marks of a piece of text.
func (s *serving) hear(piece []byte) {
	s.heard += int64(len(piece))
	s.reader.Scan(piece)
}

// longestToken is what no model's tokens come to on the average of a text, in
// bytes; English has four or five.
const longestToken = 32

// unread tells the reader of marks of a part that it cannot read.
func (s *serving) unread(m dialect.Medium) {
	s.reader.Unread(inspect.UnreadKind(m))
	switch m {
	case dialect.Image, dialect.Audio, dialect.Video:
		s.media = append(s.media, string(m))
	case dialect.Document:
		s.media = append(s.media, "file") // the estate's word
	}
}

// mark gives the call's marking: what was declared, or the workload's default,
// joined with the marks found in the text and with what stands for the unread.
func (s *serving) mark(w *catalog.Workload) (policy.Marking, error) {
	found := s.reader.Result()
	claim := policy.Claim{Workload: w, Declared: s.r.Header.Get("Bulkhead-Marking"), Found: found.Label}
	if len(found.Unread) > 0 {
		claim.Unread = found.Unread[0].Why()
	}
	m, err := s.snapshot.engine.Mark(claim)
	if err == nil {
		s.entry.marking, s.entry.label = m, s.snapshot.labels.of(s.snapshot, m.Effective)
		s.rec.Marking = s.entry.label.banner
		s.w.Header()["Bulkhead-Marking"] = []string{s.rec.Marking}
	}
	return m, err
}

// decide finds the alias and gives a permit, bound to this call, for the
// offerings that may serve it.
func (s *serving) decide(p identity.Principal, w *catalog.Workload, request *dialect.Asked, m policy.Marking) (*policy.Permit, error) {
	name := request.Alias
	if name == "" {
		return nil, fault.New(fault.Malformed, "The field model is missing; name an alias of the workload, such as %s.", anAlias(w)).At("model").Final()
	}
	alias := w.Aliases[name]
	if alias == nil {
		return nil, unknownAlias(w, name)
	}
	s.rec.Alias = alias.Name
	q := policy.Question{
		LeastTokens: s.heard / longestToken,
		Workload:    w, Alias: alias, Purpose: s.r.Header.Get("Bulkhead-Purpose"), Label: m.Effective,
		Principal: policy.Principal{ID: p.Key}, Action: s.in.Action, Dialect: string(s.in.Dialect), Now: s.rec.Start,
	}
	for _, n := range request.Needs {
		q.Needs = append(q.Needs, policy.Need{Capability: n.Capability, Field: n.Field})
	}
	if len(s.media) > 0 {
		q.Modalities = append(s.media, "text")
	}
	decision := s.snapshot.engine.Decide(q)
	s.entry.form = decision.Form()
	if decision.Permit == nil {
		return nil, decision.Refusal
	}
	s.rec.Purpose = decision.Permit.Purpose()
	s.commit()
	s.facts = sha256.Sum256([]byte(string(s.rec.ID) + "\n" + s.rec.Estate + "\n" + w.Name + "\n" + alias.Name + "\n" + s.rec.Purpose + "\n" + s.entry.label.json.String() + "\n" + string(s.entry.request)))
	return decision.Permit.Bind(s.rec.ID, s.facts)
}

// rehearse answers a dry run: every gate was passed, nothing was sent.
func (s *serving) rehearse(permit *policy.Permit, order []int) error {
	if err := s.g.recordable(); err != nil {
		return err
	}
	type candidate struct {
		Offering string   `json:"offering"`
		Model    string   `json:"model"`
		Duties   []string `json:"duties,omitempty"`
	}
	decision := struct {
		Object    string      `json:"object"`
		Call      call.ID     `json:"call"`
		Workload  string      `json:"workload"`
		Alias     string      `json:"alias"`
		Purpose   string      `json:"purpose"`
		Marking   string      `json:"marking"`
		Estate    string      `json:"estate"`
		Offerings []candidate `json:"offerings"` // in the order in which they would be asked
	}{"bulkhead.decision", s.rec.ID, s.rec.Workload, s.rec.Alias, s.rec.Purpose, s.rec.Marking, s.rec.Estate, []candidate{}}
	for _, n := range order {
		c := candidate{Offering: permit.Offering(n).Name, Model: permit.Offering(n).Model.FullName()}
		for _, d := range permit.Duties(n) {
			c.Duties = append(c.Duties, fmt.Sprintf("%v: %s", d.Obligation, d.Means))
		}
		decision.Offerings = append(decision.Offerings, c)
	}
	b, err := json.Marshal(decision)
	if err != nil {
		return err
	}
	h := s.w.Header()
	h["Content-Type"] = []string{"application/json"}
	h["Content-Length"] = []string{strconv.Itoa(len(b))}
	s.rec.Ending = call.Complete
	return s.left(s.out.whole(http.StatusOK, b))
}
