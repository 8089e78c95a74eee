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
)

// model is one entry of OpenAI's list of models.
type model struct {
	ID      string `json:"id"`
	Object  string `json:"object"`
	Created int64  `json:"created"` // the day from which the enclave is authorised: it moves only with the estate
	OwnedBy string `json:"owned_by"`
}

// models answers what the caller may use: the aliases of its workload, no
// vendor's names and no other workload's.
func (s *serving) models(w *catalog.Workload) error {
	entry := func(a *catalog.Alias) model {
		return model{a.Name, "model", max(0, s.snapshot.Estate.Enclave.Authorisation.Issued.Unix()), "bulkhead"}
	}
	var v any
	if s.in.Alias != "" {
		alias := w.Aliases[s.in.Alias]
		if alias == nil {
			return unknownAlias(w, s.in.Alias)
		}
		s.rec.Alias = alias.Name
		v = entry(alias)
	} else {
		data := []model{}
		for _, name := range aliasNames(w) {
			data = append(data, entry(w.Aliases[name]))
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
