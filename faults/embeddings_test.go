package faults_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"bulkhead/catalog"
	"bulkhead/ledger/ledgertest"
	"bulkhead/sim"
)

// TestEmbeddings_NeverMoveToAnotherModel: vectors of two models cannot be
// compared, so that a fallback would spoil an index without a word. The same
// model elsewhere may serve.
func TestEmbeddings_NeverMoveToAnotherModel(t *testing.T) {
	w := &world{t: t, sim: sim.New(sim.Options{Vendors: []sim.Vendor{{Name: "v", Kind: sim.OpenAI, Models: []sim.Model{
		{ID: "embed-west"}, {ID: "embed-east"}, {ID: "embed-other"},
	}}}})}
	t.Cleanup(func() { w.sim.Close() })
	root, err := w.sim.Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	e := &catalog.Estate{Digest: "sha256:embeddings", Workloads: map[string]*catalog.Workload{}}
	model := func(name string) *catalog.Model {
		return &catalog.Model{Vendor: "acme", Name: name, Version: "unpinned", Capabilities: []string{"embeddings"}}
	}
	one, other := model("one"), model("other")
	offer := func(id string, m *catalog.Model) *catalog.Offering {
		p := &catalog.Endpoint{Name: id, URL: w.sim.BaseURL(root, "v"), Dialect: "openai", Limits: quick, Auth: catalog.Auth{Kind: "bearer", Secret: "env:VENDOR"}}
		o := &catalog.Offering{Name: id + "/" + m.Name, Index: len(e.Offerings), Model: m, Endpoint: p, ID: id}
		e.Endpoints, e.Offerings = append(e.Endpoints, p), append(e.Offerings, o)
		return o
	}
	west, east, elsewhere := offer("embed-west", one), offer("embed-east", one), offer("embed-other", other)
	e.Workloads["w"] = &catalog.Workload{Name: "w", UnknownFields: "pass", Aliases: map[string]*catalog.Alias{
		"same":  {Name: "same", Models: []*catalog.Model{one}, Offerings: []*catalog.Offering{west, east}},
		"other": {Name: "other", Models: []*catalog.Model{one, other}, Offerings: []*catalog.Offering{west, elsewhere}},
	}}
	lawful(e)
	w.serve(e)
	ask := func(alias string) (int, string, string) {
		t.Helper()
		req, err := http.NewRequest(http.MethodPost, w.url+"/v1/embeddings", strings.NewReader(fmt.Sprintf(`{"model":%q,"input":"tides"}`, alias)))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+w.key)
		resp, err := w.client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, resp.Header.Get("Bulkhead-Offering"), string(b)
	}
	for name, f := range map[string]sim.Fault{
		"503": {Status: 503}, "500": {Status: 500}, "429": {Status: 429}, "reset": {ResetBeforeHeader: true}, "silent": {DelayHeader: never}, "cut": {CutAfterBytes: new(50)}, "too long": {ContextLength: true},
	} {
		if err := w.sim.SetFaults([]sim.Rule{{Match: sim.Match{Model: "embed-west"}, Fault: f}}); err != nil {
			t.Fatal(err)
		}
		w.sim.ClearRecord()
		if status, by, body := ask("other"); f.ContextLength == (status != 200) && status != 200 || strings.HasPrefix(by, "embed-other") {
			t.Errorf("%s: with another model: %d by %s %.200s", name, status, by, body)
		}
		for _, rec := range w.sim.Record() {
			if rec.Model == "embed-other" {
				t.Errorf("%s: another model was asked", name)
			}
		}
		if status, by, body := ask("same"); !f.ContextLength && (status != 200 || by != "embed-east/one") {
			t.Errorf("%s: with the same model elsewhere: %d by %s %.200s", name, status, by, body)
		}
	}
	ledgertest.Entries(t, w.ledger)
}
