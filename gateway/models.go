package gateway

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"

	"bulkhead/call"
	"bulkhead/catalog"
	"bulkhead/fault"
	"bulkhead/identity"
	"bulkhead/marking"
	"bulkhead/policy"
)

// model is one entry of OpenAI's list of models.
type model struct {
	ID      string `json:"id"`
	Object  string `json:"object"`
	Created int64  `json:"created"` // the day from which the enclave is authorised: it moves only with the estate
	OwnedBy string `json:"owned_by"`
}

// models answers what the caller may use: those aliases of its workload that a
// call of the marking and purpose declared, or the workload's own, could be
// served by now, suspensions looked at too. No vendor's names, and no other workload's.
func (s *serving) models(p identity.Principal, w *catalog.Workload) error {
	usable, err := s.usable(p, w)
	if err != nil {
		return err
	}
	entry := func(a *catalog.Alias) model {
		return model{a.Name, "model", max(0, s.snapshot.Estate.Enclave.Authorisation.Issued.Unix()), "bulkhead"}
	}
	var v any
	if s.in.Alias != "" {
		alias := w.Aliases[s.in.Alias]
		if alias == nil {
			return unknownAlias(w, s.in.Alias)
		}
		if refusal := usable[alias.Name]; refusal != nil {
			return refusal
		}
		s.rec.Alias = alias.Name
		v = entry(alias)
	} else {
		data := []model{}
		for _, name := range aliasNames(w) {
			if usable[name] == nil {
				data = append(data, entry(w.Aliases[name]))
			}
		}
		v = struct {
			Object string  `json:"object"`
			Data   []model `json:"data"`
		}{"list", data}
	}
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	s.leave()
	h := s.w.Header()
	h["Content-Type"] = []string{"application/json"}
	h["Content-Length"] = []string{strconv.Itoa(len(b))}
	if err := s.out.whole(http.StatusOK, b); err != nil {
		return s.left(err)
	}
	s.rec.Ending = call.Complete
	return nil
}

// usable says for each alias why nothing could serve it, or nil.
func (s *serving) usable(p identity.Principal, w *catalog.Workload) (map[string]error, error) {
	m, err := s.snapshot.engine.Mark(policy.Claim{Workload: w, Declared: s.r.Header.Get("Bulkhead-Marking"), Found: marking.Unmarked()})
	if err != nil {
		return nil, err
	}
	out := make(map[string]error, len(w.Aliases))
	for name, alias := range w.Aliases {
		q := policy.Question{
			Workload: w, Alias: alias, Purpose: s.r.Header.Get("Bulkhead-Purpose"), Label: m.Effective,
			Principal: policy.Principal{ID: p.Key}, Action: call.Chat, Dialect: string(s.in.Dialect), Now: s.rec.Start,
		}
		if len(alias.Models) > 0 && (slices.Contains(alias.Models[0].Capabilities, "embeddings") || alias.Models[0].Dimensions > 0) {
			q.Action = call.Embeddings
		}
		out[name] = nil
		d := s.snapshot.engine.Decide(q)
		if d.Permit == nil {
			out[name] = d.Refusal
			continue
		}
		if _, suspended := s.narrow(d.Permit, s.candidates(d.Permit)); suspended != nil {
			out[name] = suspended
		}
	}
	return out, nil
}

func aliasNames(w *catalog.Workload) []string {
	names := make([]string, 0, len(w.Aliases))
	for name := range w.Aliases {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// anAlias names an alias to try instead.
func anAlias(w *catalog.Workload) string {
	if names := aliasNames(w); len(names) > 0 {
		return names[0]
	}
	return "one that its workload declares"
}

func unknownAlias(w *catalog.Workload, name string) error {
	if len(name) > 64 {
		name = name[:64]
	}
	have := "none"
	if names := aliasNames(w); len(names) > 0 {
		have = strings.Join(names, ", ")
	}
	return fault.New(fault.ModelNotFound, "The workload %s has no alias %q; it has: %s.", w.Name, name, have).At("model").Final()
}
