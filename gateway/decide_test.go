package gateway_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"bulkhead/catalog"
)

// says is a chat body with one user message.
func saying(text string) string {
	b, _ := json.Marshal(text)
	return `{"model":"chat","messages":[{"role":"user","content":` + string(b) + `}]}`
}

func TestMark_IsDeclaredOrTheWorkloadsAndComesBack(t *testing.T) {
	v := newVendor(t, ok)
	r := start(t, estateOf("a", []string{"chat"}, offer{Name: "one", URL: v.URL}))
	for declared, want := range map[string]string{"": "UNCLASSIFIED", "U": "UNCLASSIFIED", "CUI": "CUI", "(CUI)": "CUI"} {
		var header []string
		if declared != "" {
			header = []string{"Bulkhead-Marking", declared}
		}
		got := r.Post("/v1/chat/completions", saying("hello"), header...)
		if got.Status != 200 || got.Header.Get("Bulkhead-Marking") != want {
			t.Errorf("declared %q: status %d, marking %q, want %q", declared, got.Status, got.Header.Get("Bulkhead-Marking"), want)
		}
		if rec := r.Record(); rec.Marking != want || rec.Purpose != "admin.drafting" {
			t.Errorf("declared %q: record has marking %q and purpose %q", declared, rec.Marking, rec.Purpose)
		}
	}
}

// What is found in a text, or declared wrongly, is refused before a byte
// leaves, and the refusal repeats neither the text nor what was found.
func TestMark_RefusesBeforeAByteLeaves(t *testing.T) {
	v := newVendor(t, ok)
	e := estateOf("a", []string{"chat", "embed"}, offer{Name: "one", URL: v.URL})
	e.Enclave.IncidentContact = "soc@low.example"
	e.Workloads["w"].Marking.Unread = ""
	r := start(t, e)
	for name, row := range map[string]struct {
		path, body string
		header     []string
		status     int
		code       string
	}{
		"found above what was declared":     {body: saying("(CUI) the applicant's file"), status: 403, code: "spillage"},
		"found above the enclave":           {body: saying("(S//NF) the convoy"), status: 403, code: "contamination"},
		"found behind escapes":              {body: `{"model":"chat","messages":[{"role":"user","content":"\u0028S\/\/NF) the convoy"}]}`, status: 403, code: "contamination"},
		"found over two parts":              {body: `{"model":"chat","messages":[{"role":"user","content":[{"type":"text","text":"TOP SECRET"},{"type":"text","text":"//NOFORN"}]}]}`, status: 403, code: "contamination"},
		"found in an earlier tool's result": {body: `{"model":"chat","messages":[{"role":"tool","tool_call_id":"c","content":"(S//NF) the convoy"}]}`, status: 403, code: "contamination"},
		"found in a text to embed":          {path: "/v1/embeddings", body: `{"model":"embed","input":["plain","(S//NF) the convoy"]}`, status: 403, code: "contamination"},
		"declared above the ceiling":        {body: saying("x"), header: []string{"Bulkhead-Marking", "SECRET"}, status: 403, code: "marking_above_ceiling"},
		"declared nonsense":                 {body: saying("x"), header: []string{"Bulkhead-Marking", "SEKRIT"}, status: 400, code: "marking_invalid"},
		"an image that cannot be read":      {body: `{"model":"chat","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}}]}]}`, status: 403, code: "unread"},
		"token ids":                         {path: "/v1/embeddings", body: `{"model":"embed","input":[1,2,3]}`, status: 403, code: "unread"},
		"a purpose that is not its own":     {body: saying("x"), header: []string{"Bulkhead-Purpose", "mil.weapon.control"}, status: 403, code: "denied"},
	} {
		t.Run(name, func(t *testing.T) {
			path := row.path
			if path == "" {
				path = "/v1/chat/completions"
			}
			got := r.Post(path, row.body, row.header...)
			refused(t, got, row.status, row.code)
			if row.code == "spillage" || row.code == "contamination" {
				all := got.Body
				for name, v := range got.Header {
					all += name + strings.Join(v, "")
				}
				rec, _ := json.Marshal(r.Record())
				// The call's id is random letters: it can spell anything.
				told := strings.ReplaceAll(all+string(rec), got.Header.Get("Bulkhead-Call"), "")
				for _, word := range []string{"convoy", "applicant", "NF", "NOFORN", "SECRET"} {
					if strings.Contains(told, word) {
						t.Errorf("the refusal or the record holds %q: %s", word, told)
					}
				}
				if !strings.Contains(got.Body, "soc@low.example") {
					t.Errorf("the refusal does not give the incident contact: %s", got.Body)
				}
			}
		})
	}
	if n := len(v.Seen()); n != 0 {
		t.Errorf("the vendor was sent %d requests", n)
	}
}

func TestMark_UnreadIsTakenForWhatTheWorkloadSays(t *testing.T) {
	v := newVendor(t, ok)
	e := estateOf("a", []string{"chat"}, offer{Name: "one", URL: v.URL})
	e.Workloads["w"].Marking.Unread = "CUI"
	r := start(t, e)
	got := r.Post("/v1/chat/completions", `{"model":"chat","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}}]}]}`)
	if got.Status != 200 || got.Header.Get("Bulkhead-Marking") != "CUI" {
		t.Errorf("got %d %s, marking %q", got.Status, got.Body, got.Header.Get("Bulkhead-Marking"))
	}
}

func TestDecide_ExpiredAuthorisationIsNotAsked(t *testing.T) {
	old, good := newVendor(t, ok), newVendor(t, ok)
	e := estateOf("a", []string{"chat"}, offer{Name: "one", URL: old.URL}, offer{Name: "two", URL: good.URL})
	e.Offerings[0].Authorisations = []catalog.Authorisation{e.Offerings[0].Authorisations[0]}
	e.Offerings[0].Authorisations[0].Expires = time.Now().Add(-time.Hour)
	r := start(t, e)
	got := r.Post("/v1/chat/completions", saying("hello"))
	if got.Status != 200 || got.Header.Get("Bulkhead-Offering") != "two/m" || len(old.Seen()) != 0 {
		t.Errorf("got %d from %q; the expired one was asked %d times", got.Status, got.Header.Get("Bulkhead-Offering"), len(old.Seen()))
	}
}

func TestDryRun_PassesEveryGateAndSendsNothing(t *testing.T) {
	v := newVendor(t, ok)
	r := start(t, estateOf("a", []string{"chat"}, offer{Name: "one", URL: v.URL}, offer{Name: "two", URL: v.URL}))
	got := r.Post("/v1/chat/completions", saying("hello"), "Bulkhead-Dry-Run", "1")
	var decision struct {
		Object, Workload, Alias, Purpose, Marking, Estate string
		Offerings                                         []struct{ Offering, Model string }
	}
	if err := json.Unmarshal([]byte(got.Body), &decision); err != nil || got.Status != 200 {
		t.Fatalf("%d %s: %v", got.Status, got.Body, err)
	}
	if decision.Object != "bulkhead.decision" || decision.Workload != "w" || decision.Alias != "chat" || decision.Marking != "UNCLASSIFIED" ||
		decision.Purpose != "admin.drafting" || len(decision.Offerings) != 2 || decision.Offerings[0].Offering != "one/m" {
		t.Errorf("decision %+v", decision)
	}
	refused(t, r.Post("/v1/chat/completions", saying("(S//NF) x"), "Bulkhead-Dry-Run", "1"), 403, "contamination")
	refused(t, r.Post("/v1/chat/completions", saying("x"), "Bulkhead-Dry-Run", "yes"), 400, "malformed")
	if len(v.Seen()) != 0 {
		t.Error("the vendor was asked")
	}
}
