package sim_test

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
	"testing"
	"time"

	"bulkhead/sim"
)

func TestRecord_HoldsWhatArrived(t *testing.T) {
	s := start(t, sim.Options{})
	body := "{ \"model\" : \"gpt-4o\",\n \"messages\":[{\"role\":\"user\",\"content\":\"Say: a\\u0062\"}], \"temperature\":1.0e0 }"
	s.do("POST", s.BaseURL(s.url, "openai")+"/chat/completions?x=1", body, "X-Custom", "kept", "Cookie", "a=b")
	recs := s.Record()
	if len(recs) != 1 {
		t.Fatalf("%d records", len(recs))
	}
	r := recs[0]
	sum := sha256.Sum256([]byte(body))
	if string(r.Body) != body || r.BodySHA256 != hex.EncodeToString(sum[:]) {
		t.Errorf("body: %q %s", r.Body, r.BodySHA256)
	}
	if r.Vendor != "openai" || r.Method != "POST" || r.Path != "/vendor/openai/v1/chat/completions" || r.Query != "x=1" || r.Model != "gpt-4o" {
		t.Errorf("got %+v", r)
	}
	if r.Status != 200 || !r.Complete || r.BytesSent == 0 || !r.LeftAt.IsZero() || r.EndedAt.Before(r.ArrivedAt) {
		t.Errorf("got %+v", r)
	}
	if r.Header.Get("X-Custom") != "kept" {
		t.Errorf("headers: %v", r.Header)
	}
	for _, name := range []string{"Authorization", "Cookie"} {
		if got := r.Header.Get(name); !strings.HasPrefix(got, "sha256:") || strings.Contains(got, "sk-test") {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestControl_SteersOverHTTP(t *testing.T) {
	s := start(t, sim.Options{})
	rules := `[{"name":"busy","match":{"vendor":"openai","count":1},"fault":{"status":503,"delay_header":"5ms"}}]`
	if res := s.do("POST", s.url+"/_sim/faults", rules); res.StatusCode != 200 {
		t.Fatalf("got %d %s", res.StatusCode, res.body)
	}
	if got := decode(t, s.do("GET", s.url+"/_sim/faults", "").body).at(0); got.str("name") != "busy" || got.str("fault", "delay_header") != "5ms" || got.at("match").has("path") {
		t.Errorf("faults: %v", got.any)
	}
	if res := s.do("POST", s.url+"/_sim/faults", `[{"fault":{"status":1}}]`); res.StatusCode != 400 {
		t.Errorf("a bad rule: got %d %s", res.StatusCode, res.body)
	}
	if got := s.chat(ask("gpt-4o", "hi")).StatusCode; got != 503 {
		t.Errorf("a refused list replaced the good one: got %d", got)
	}
	s.chat(streaming())
	s.do("POST", s.BaseURL(s.url, "azure")+"/openai/v1/chat/completions", "\xff\xfe")
	list := decode(t, s.do("GET", s.url+"/_sim/record", "").body)
	if list.len() != 3 {
		t.Fatalf("%d records", list.len())
	}
	if got := list.at(0); got.str("fault") != "busy" || got.num("status") != 503 {
		t.Errorf("first: %v", got.any)
	}
	if got := list.at(1); got.num("chunks") != 9 || got.at("complete").any != true || got.at("left").any != false || got.at("left_at").any != nil || !strings.Contains(got.str("body"), "one two") {
		t.Errorf("second: %v", got.any)
	}
	if _, err := time.Parse(time.RFC3339Nano, list.str(1, "arrived_at")); err != nil {
		t.Error(err)
	}
	if got := list.at(2); got.str("body_base64") != "//4=" || got.num("status") != 400 {
		t.Errorf("third: %v", got.any)
	}
	if got := decode(t, s.do("GET", s.url+"/_sim/count", "").body); got.num("count") != 3 || got.num("vendors", "openai") != 2 {
		t.Errorf("count: %v", got.any)
	}
	if res := s.do("DELETE", s.url+"/_sim/faults", ""); res.StatusCode != 204 || len(s.Faults()) != 0 {
		t.Errorf("delete faults: %d", res.StatusCode)
	}
	if res := s.do("DELETE", s.url+"/_sim/record", ""); res.StatusCode != 204 || len(s.Record()) != 0 || s.Count("") != 0 {
		t.Errorf("delete record: %d", res.StatusCode)
	}
	if got := decode(t, s.do("GET", s.url+"/_sim/vendors", "").body); got.str(1, "base_url") != s.BaseURL(s.url, "azure") {
		t.Errorf("vendors: %v", got.any)
	}
	if res := s.do("GET", s.url+"/_sim/other", ""); res.StatusCode != 404 {
		t.Errorf("other: %d", res.StatusCode)
	}
}

func TestRecord_IsBounded(t *testing.T) {
	s := start(t, sim.Options{MaxRecords: 3, MaxBodyBytes: 1000})
	for range 5 {
		s.chat(ask("gpt-4o", "hi"))
	}
	if recs := s.Record(); len(recs) != 3 || recs[0].Seq != 3 || s.Count("openai") != 5 {
		t.Errorf("%d records from %d, %d counted", len(recs), recs[0].Seq, s.Count("openai"))
	}
	if res := s.chat(ask("gpt-4o", strings.Repeat("x", 2000))); res.StatusCode != 413 {
		t.Errorf("a body over the limit: got %d", res.StatusCode)
	}
}

func TestSim_SpeaksHTTP2WithoutTLS(t *testing.T) {
	s := start(t, sim.Options{})
	tr := &http.Transport{Protocols: new(http.Protocols)}
	tr.Protocols.SetUnencryptedHTTP2(true)
	defer tr.CloseIdleConnections()
	s.client = &http.Client{Transport: tr}
	res := s.chat(streaming())
	if _, done := frames(t, res.body); res.ProtoMajor != 2 || !done {
		t.Errorf("got %s, end marker %v", res.Proto, done)
	}
	s.fault(sim.Fault{CutAfterChunks: new(2)})
	if res := s.chat(streaming()); res.err == nil {
		t.Errorf("a cut stream ended well: %q", res.body)
	}
	s.fault(sim.Fault{ResetBeforeHeader: true})
	if _, err := s.try("POST", s.BaseURL(s.url, "openai")+"/chat/completions", streaming()); err == nil {
		t.Error("a reset stream was answered")
	}
}

func TestSim_ServesOneVendorAlone(t *testing.T) {
	s := start(t, sim.Options{})
	url, err := s.StartVendor("bedrock", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	res := s.do("POST", url+"/openai/v1/chat/completions", ask("openai.gpt-oss-20b-1:0", "hi"))
	if res.StatusCode != 200 || s.Record()[0].Vendor != "bedrock" || res.Header.Get("X-Amzn-Requestid") == "" {
		t.Errorf("got %d %s", res.StatusCode, res.body)
	}
}

func TestRecord_TellsWhatAReplyCounts(t *testing.T) {
	s := start(t, sim.Options{})
	s.chat(ask("gpt-5-nano", "Say: two words"))
	s.chat(`{"model":"gpt-5-nano","stream":true,"messages":[{"role":"user","content":"Say: two words"}]}`) // whose wire tells none
	s.do("GET", s.BaseURL(s.url, "openai")+"/models", "")
	recs := s.Record()
	if len(recs) != 3 || recs[0].Usage == nil || recs[1].Usage == nil || recs[2].Usage != nil {
		t.Fatalf("got %+v", recs)
	}
	if u := *recs[0].Usage; u.Input == 0 || u.Reasoning == 0 || u.Output != u.Reasoning+2 || u != *recs[1].Usage {
		t.Errorf("got %+v and %+v", u, *recs[1].Usage)
	}
	list := decode(t, s.do("GET", s.url+"/_sim/record", "").body)
	if got := list.at(0).num("usage", "output_tokens"); int(got) != recs[0].Usage.Output || list.at(2).has("usage") {
		t.Errorf("on the wire: %v", list.any)
	}
}
