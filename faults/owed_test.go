package faults_test

import (
	"net/http"
	"slices"
	"strings"
)

// owed says why a state cannot be held to the table in a build without delivery
// and further attempts; empty: it is.
func (w *world) owed(s *state) string {
	switch {
	case w.delivers():
		return ""
	case s.atomic:
		return "this build has no atomic delivery"
	case slices.Contains([]string{"500 once", "500 for ever", "reset once", "reset for ever", "429 once with retry-after", "context length", "the other refuses, a third answers"}, s.row.name),
		s.row.name == "drip" && !s.stream:
		return "this build makes no such attempts"
	}
	return ""
}

// delivers reports whether the build knows of delivery: it refuses a word that
// is none.
func (w *world) delivers() bool {
	w.once.Do(func() {
		req, err := http.NewRequest(http.MethodPost, w.url+"/v1/chat/completions", strings.NewReader(`{"model":"none","messages":[]}`))
		if err != nil {
			w.t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+w.key)
		req.Header.Set("Bulkhead-Delivery", "neither")
		resp, err := w.client.Do(req)
		if err != nil {
			w.t.Fatal(err)
		}
		resp.Body.Close()
		w.holds = resp.StatusCode == http.StatusBadRequest
	})
	return w.holds
}
