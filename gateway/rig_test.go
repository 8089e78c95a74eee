package gateway_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"bulkhead/call"
	"bulkhead/catalog"
	"bulkhead/egress"
	"bulkhead/gateway"
	"bulkhead/identity"
	"bulkhead/ingress"
	"bulkhead/ledger"
	"bulkhead/ledger/ledgertest"
	"bulkhead/route"
)

// TestMain checks that no goroutine is left; net/http lets a connection that it
// closes linger for half a second.
func TestMain(m *testing.M) {
	code := m.Run()
	err := goleak.Find()
	for begun := time.Now(); err != nil && time.Since(begun) < 3*time.Second; err = goleak.Find() {
		time.Sleep(100 * time.Millisecond)
	}
	if err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// offer is an offering of the test estate, over an endpoint of its own.
type offer struct {
	Name        string
	URL         string
	Surface     string
	APIVersion  string
	ID          string // default: vendor-model
	Auth        string // kind; the secret is "vendor-secret"
	StreamUsage string
	HTTP        int
	Grants      []call.Capability
	Limits      catalog.Limits
}

// estateOf is an estate with one workload, w, whose aliases each have every
// offering in the order given.
func estateOf(digest string, aliases []string, offers ...offer) *catalog.Estate {
	e := &catalog.Estate{Digest: "sha256:" + digest, Workloads: map[string]*catalog.Workload{}}
	model := &catalog.Model{Vendor: "acme", Name: "one", Version: "unpinned"}
	embedder := &catalog.Model{Vendor: "acme", Name: "vectors", Version: "unpinned", Capabilities: []string{"embeddings"}}
	for i, o := range offers {
		endpoint := &catalog.Endpoint{
			Name: o.Name, Cloud: "acme", URL: o.URL, Dialect: "openai", Surface: o.Surface, APIVersion: o.APIVersion,
			Limits: o.Limits, HTTP: o.HTTP, StreamUsage: o.StreamUsage,
		}
		if o.Auth != "" {
			endpoint.Auth = catalog.Auth{Kind: o.Auth, Secret: "env:VENDOR"}
		}
		if o.ID == "" {
			o.ID = "vendor-model"
		}
		e.Endpoints = append(e.Endpoints, endpoint)
		e.Offerings = append(e.Offerings, &catalog.Offering{
			Name: o.Name + "/m", Index: i, Model: model, Endpoint: endpoint, ID: o.ID, Grants: o.Grants,
			Source: catalog.Source{File: "clouds/acme.yaml", Line: 10 + i},
		})
	}
	chats := e.Offerings
	var vectors []*catalog.Offering // each endpoint has them too, for aliases that speak of embeddings
	for _, o := range chats {
		v := *o
		v.Index, v.Model = len(chats)+len(vectors), embedder
		vectors = append(vectors, &v)
	}
	e.Offerings = slices.Concat(chats, vectors)
	w := &catalog.Workload{Name: "w", UnknownFields: "pass", Aliases: map[string]*catalog.Alias{}}
	for _, a := range aliases {
		w.Aliases[a] = &catalog.Alias{Name: a, Models: []*catalog.Model{model}, Offerings: chats}
		if strings.Contains(a, "embed") {
			w.Aliases[a] = &catalog.Alias{Name: a, Models: []*catalog.Model{embedder}, Offerings: vectors}
		}
	}
	e.Workloads["w"] = w
	lawful(e)
	return e
}

// lawful makes an estate one in which nothing but the call itself can be
// refused: unclassified calls, to the agency's own machines.
func lawful(e *catalog.Estate) {
	all := catalog.Ceiling{Clearance: "U", Citizenship: []string{"USA"}, Affiliation: "US-FED", CUI: catalog.Listing{Set: true, Any: true}, Controls: catalog.Listing{Set: true, Any: true}}
	from, until := time.Now().AddDate(-1, 0, 0), time.Now().AddDate(1, 0, 0)
	ato := catalog.Authorisation{Scheme: "agency-ato", Document: "ATO-1", Official: "CIO", Issued: from, Expires: until, Ceiling: all}
	e.Enclave.Name, e.Enclave.Domain, e.Enclave.Ceiling, e.Enclave.Authorisation = "low", catalog.Unclassified, all, ato
	e.Enclave.Territory, e.Enclave.Crypto = []string{"US"}, "none"
	e.Purposes = []catalog.Purpose{{Code: "admin", Below: true, Category: "ADMIN", Risk: catalog.Low}}
	own := &catalog.Partition{Name: "hq", Cloud: catalog.Own, Domain: catalog.Unclassified, Ceiling: all, Declared: true, Regions: map[string]string{"hq": "US"}}
	vendors := map[string]*catalog.Vendor{}
	for _, p := range e.Endpoints {
		p.Cloud, p.Partition, p.In, p.Region = catalog.Own, own.Name, own, "hq"
	}
	for _, o := range e.Offerings {
		o.Model.Modalities = []string{"text", "image", "audio", "video", "file"}
		o.Regions, o.Authorisations = []string{"hq"}, []catalog.Authorisation{ato}
		o.Handling = catalog.Handling{Retention: "none", CloudStaff: "us_citizens", VendorStaff: "none", HumanReview: "false", Training: "false"}
		o.Enablement = catalog.Enablement{State: "enabled", By: "low", From: from}
		if vendors[o.Model.Vendor] == nil {
			vendors[o.Model.Vendor] = &catalog.Vendor{Name: o.Model.Vendor, Models: map[string]*catalog.Model{}}
			e.Vendors = append(e.Vendors, vendors[o.Model.Vendor])
		}
		vendors[o.Model.Vendor].Models[o.Model.Name] = o.Model
	}
	for _, w := range e.Workloads {
		w.Purposes = []string{"admin.drafting"}
		w.Marking = catalog.MarkingRange{Default: "U", Floor: "U", Ceiling: "CUI", Unread: "U"}
		w.Audience = catalog.Audience{Subject: catalog.Ceiling{Clearance: "U", Citizenship: []string{"USA"}, Affiliation: "US-FED"}, Document: "A-1", Expires: until}
		w.Delivery, w.RefusalDetail = "live", "full"
	}
}

// rig is a gateway behind its listener, and the key to it.
type rig struct {
	t       testing.TB
	Gateway *gateway.Gateway
	URL     string // without path
	Addr    string
	Key     string
	Client  *http.Client
	Logs    *syncBuffer
	Ledger  *ledger.Log
	Disk    *ledgertest.Memory // under the ledger

	mu      sync.Mutex
	records []call.Record
	ended   chan struct{} // gets one for each record
}

// syncBuffer is a log that many may write.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// start serves an estate; options may be changed before.
func start(t testing.TB, e *catalog.Estate, change ...func(*gateway.Options)) *rig {
	t.Helper()
	r := &rig{t: t, Disk: &ledgertest.Memory{}, Logs: &syncBuffer{}, ended: make(chan struct{}, 1<<16)}
	log := slog.New(slog.NewJSONHandler(r.Logs, &slog.HandlerOptions{Level: slog.LevelDebug}))
	r.Ledger = ledgertest.Open(t, r.Disk)
	keys := identity.NewKeyring(bytes.Repeat([]byte{7}, identity.PepperBytes))
	key, text := keys.Mint(nil, "w", "", time.Now(), time.Time{})
	keys.Put(key)
	o := gateway.Options{
		Keys: keys, Log: log, Observe: r.observe, Ledger: r.Ledger,
		Health: route.HealthOptions{InARow: 1 << 20, Unreached: 1 << 20, Volume: 1 << 20}, // tests let one vendor fail again and again; those of health say otherwise
		Egress: egress.Options{Secret: func(string) (string, error) { return "vendor-secret", nil }, UserAgent: "Bulkhead/test"},
	}
	for _, f := range change {
		f(&o)
	}
	r.Key, r.Gateway = text, gateway.New(o)
	if problems, err := r.Gateway.Use(e, nil); err != nil || len(problems) > 0 {
		t.Fatal(problems)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := ingress.New(ingress.Options{Gateway: r.Gateway, Log: log, HeaderIn: 2 * time.Second})
	done := make(chan error, 1)
	go func() { done <- server.Serve(l) }()
	r.Addr = l.Addr().String()
	r.URL = "http://" + r.Addr
	r.Client = &http.Client{Transport: &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 64}}
	t.Cleanup(func() {
		r.Client.CloseIdleConnections()
		server.Close()
		if err := <-done; err != nil {
			t.Error(err)
		}
		nothing := &catalog.Estate{}
		lawful(nothing)
		r.Gateway.Use(nothing, nil) // lets go of every door
		r.AwaitHeld(0)
		if r.Ledger.Ready() == nil { // whatever the test did, the record of it is whole
			ledgertest.Entries(t, r.Ledger)
		}
	})
	return r
}

func (r *rig) observe(rec *call.Record) {
	c := *rec
	c.Attempts = append([]call.Attempt(nil), rec.Attempts...)
	r.mu.Lock()
	r.records = append(r.records, c)
	r.mu.Unlock()
	r.ended <- struct{}{}
}

// Record waits for the next call to end and gives the last record.
func (r *rig) Record() call.Record {
	r.t.Helper()
	select {
	case <-r.ended:
	case <-time.After(10 * time.Second):
		r.t.Fatal("no call ended")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.records[len(r.records)-1]
}

// AwaitHeld waits until the held bytes are as many.
func (r *rig) AwaitHeld(want int64) {
	r.t.Helper()
	for range 300 {
		if r.Gateway.Intake().Held() == want {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	r.t.Errorf("%d bytes are held, want %d", r.Gateway.Intake().Held(), want)
}

// reply is a reply as the caller read it.
type reply struct {
	Status  int
	Header  http.Header
	Body    string
	Err     error // of the body: it broke off
	Trailer http.Header
}

// Post sends a body to a path.
func (r *rig) Post(path, body string, header ...string) reply {
	r.t.Helper()
	return r.Do(http.MethodPost, path, strings.NewReader(body), header...)
}

// Do sends a request with the rig's key; header is name, value, name, value…
func (r *rig) Do(method, path string, body io.Reader, header ...string) reply {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, r.URL+path, body)
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+r.Key)
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(header); i += 2 {
		if header[i+1] == "" {
			req.Header.Del(header[i])
		} else {
			req.Header.Set(header[i], header[i+1])
		}
	}
	resp, err := r.Client.Do(req)
	if err != nil {
		r.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return reply{resp.StatusCode, resp.Header, string(b), err, resp.Trailer}
}

// Direct serves a call without a listener, for tests that make very many.
func (r *rig) Direct(ctx context.Context, in gateway.Inbound, body string) (w *httptest.ResponseRecorder) {
	req := httptest.NewRequestWithContext(ctx, http.MethodPost, "/", strings.NewReader(body))
	w = httptest.NewRecorder()
	in.Credential, in.Dialect = identity.Credential(r.Key), "openai"
	defer func() {
		if p := recover(); p != nil && p != http.ErrAbortHandler { // the listener's part: the connection ends
			panic(p)
		}
	}()
	r.Gateway.Serve(w, req, in)
	return w
}

// refusal is the error object of the openai dialect.
type refusal struct {
	Message  string  `json:"message"`
	Type     string  `json:"type"`
	Param    *string `json:"param"`
	Code     string  `json:"code"`
	Bulkhead struct {
		Code, Call string
		Reasons    []struct{ Offering, Rule, Why, Source string }
	} `json:"bulkhead"`
}

// refused checks that a reply is a refusal in the openai dialect and gives it.
func refused(t testing.TB, got reply, status int, code string) refusal {
	t.Helper()
	var body struct {
		Error refusal `json:"error"`
	}
	if got.Err != nil {
		t.Errorf("the reply broke off: %v", got.Err)
	}
	if got.Status != status {
		t.Errorf("status %d, want %d: %s", got.Status, status, got.Body)
	}
	if err := json.Unmarshal([]byte(got.Body), &body); err != nil {
		t.Errorf("the refusal is no JSON: %v: %q", err, got.Body)
	}
	e := body.Error
	if e.Code != code || e.Bulkhead.Code != code || got.Header.Get("Bulkhead-Error") != code {
		t.Errorf("code %q, bulkhead.code %q, header %q; want %q: %s", e.Code, e.Bulkhead.Code, got.Header.Get("Bulkhead-Error"), code, e.Message)
	}
	id := got.Header.Get("Bulkhead-Call")
	if len(id) != 26 || e.Bulkhead.Call != id || got.Header.Get("X-Request-Id") != id || !strings.Contains(e.Message, id) {
		t.Errorf("call id: header %q, request id %q, body %q, message %q", id, got.Header.Get("X-Request-Id"), e.Bulkhead.Call, e.Message)
	}
	if e.Type == "" || !strings.Contains(got.Header.Get("Content-Type"), "application/json") {
		t.Errorf("type %q, content type %q", e.Type, got.Header.Get("Content-Type"))
	}
	return e
}

// chat is a small chat request with further members, each written "name":value.
func chat(more ...string) string {
	members := append([]string{`"model":"chat"`, `"messages":[{"role":"user","content":"hi"}]`}, more...)
	return "{" + strings.Join(members, ",") + "}"
}

// spoken is a small unary reply.
func spoken(text string) string {
	return fmt.Sprintf(`{"id":"c1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":%q},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}`, text)
}

// Events of a small stream.
const (
	roleEvent   = `data: {"id":"c1","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}` + "\n\n"
	helloEvent  = `data: {"id":"c1","choices":[{"index":0,"delta":{"content":"Hello"},"finish_reason":null}]}` + "\n\n"
	moreEvent   = `data: {"id":"c1","choices":[{"index":0,"delta":{"content":" there"},"finish_reason":null}]}` + "\n\n"
	finishEvent = `data: {"id":"c1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}` + "\n\n"
	usageEvent  = `data: {"id":"c1","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}` + "\n\n"
	doneEvent   = "data: [DONE]\n\n"
)

// ok answers every request with a small unary reply, or stream where asked.
func ok(x *visit) {
	if bytes.Contains(x.Body, []byte(`"stream":true`)) {
		x.Stream(streamType, roleEvent, helloEvent, finishEvent, usageEvent, doneEvent)
		x.End()
		return
	}
	x.Reply(200, jsonType, spoken("Hello"))
}
