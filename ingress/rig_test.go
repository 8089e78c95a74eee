package ingress_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"bulkhead/call"
	"bulkhead/catalog"
	"bulkhead/egress"
	"bulkhead/gateway"
	"bulkhead/identity"
	"bulkhead/ingress"
	"bulkhead/ledger/ledgertest"
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
		io.WriteString(os.Stderr, err.Error())
		code = 1
	}
	os.Exit(code)
}

const answer = `{"id":"c1","choices":[{"index":0,"message":{"role":"assistant","content":"Hello"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":2}}`

// rig is a data plane in front of one vendor that always answers.
type rig struct {
	t      testing.TB
	Server *ingress.Server
	Addr   string
	Key    string
	Access identity.AccessKey
	asked  atomic.Int64 // requests that the vendor got
	paths  chan string
	events chan call.Record
}

// start serves an estate whose workload has the aliases chat, a/b and "with space".
func start(t testing.TB, change ...func(*ingress.Options)) *rig {
	t.Helper()
	r := &rig{t: t, paths: make(chan string, 1000), events: make(chan call.Record, 1000)}
	vendor := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.asked.Add(1)
		io.Copy(io.Discard, req.Body)
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, answer)
	}))
	t.Cleanup(vendor.Close)
	model := &catalog.Model{Vendor: "acme", Name: "one"}
	endpoint := &catalog.Endpoint{Name: "e", URL: vendor.URL + "/v1", Dialect: "openai"}
	offering := &catalog.Offering{Name: "e/m", Model: model, Endpoint: endpoint, ID: "vendor-model"}
	w := &catalog.Workload{Name: "w", UnknownFields: "pass", Aliases: map[string]*catalog.Alias{}}
	for _, name := range []string{"chat", "a/b", "with space"} {
		w.Aliases[name] = &catalog.Alias{Name: name, Models: []*catalog.Model{model}, Offerings: []*catalog.Offering{offering}}
	}
	e := &catalog.Estate{Digest: "sha256:a", Endpoints: []*catalog.Endpoint{endpoint}, Offerings: []*catalog.Offering{offering}, Workloads: map[string]*catalog.Workload{"w": w}}
	e.Enclave.BodyTimeout = time.Second
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	keys := identity.NewKeyring(bytes.Repeat([]byte{7}, identity.PepperBytes))
	key, text := keys.Mint(nil, "w", "", time.Now(), time.Time{})
	keys.Put(key)
	r.Key = text
	keys.UseStoreKey(bytes.Repeat([]byte{9}, identity.StoreKeyBytes))
	signs, access, err := keys.MintAccessKey(nil, "w", "", time.Now(), time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	keys.Put(signs)
	r.Access = access
	g := gateway.New(gateway.Options{Keys: keys, Log: log, Ledger: ledgertest.Open(t, nil), Egress: egress.Options{UserAgent: "test"}, Observe: func(rec *call.Record) {
		select {
		case r.events <- *rec:
		default:
		}
	}})
	lawful(e)
	if problems, err := g.Use(e, nil); err != nil || len(problems) > 0 {
		t.Fatal(problems, err)
	}
	o := ingress.Options{Gateway: g, Log: log, HeaderIn: 500 * time.Millisecond}
	for _, f := range change {
		f(&o)
	}
	r.Server = ingress.New(o)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r.Addr = l.Addr().String()
	done := make(chan error, 1)
	go func() { done <- r.Server.Serve(l) }()
	t.Cleanup(func() {
		r.Server.Close()
		if err := <-done; err != nil {
			t.Error(err)
		}
		nothing := &catalog.Estate{}
		lawful(nothing)
		g.Use(nothing, nil)
	})
	return r
}

// reply is a reply as the caller read it.
type reply struct {
	Status int
	Header http.Header
	Body   string
}

// caller is a raw connection.
type caller struct {
	net.Conn
	br *bufio.Reader
}

func (r *rig) dial() *caller {
	r.t.Helper()
	c, err := net.Dial("tcp", r.Addr)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { c.Close() })
	return &caller{c, bufio.NewReader(c)}
}

// read reads one reply to a request of the method.
func (c *caller) read(method string) (reply, error) { return c.readWithin(method, 3*time.Second) }

func (c *caller) readWithin(method string, limit time.Duration) (reply, error) {
	c.SetReadDeadline(time.Now().Add(limit))
	resp, err := http.ReadResponse(c.br, &http.Request{Method: method})
	if err != nil {
		return reply{}, err
	}
	b, err := io.ReadAll(resp.Body)
	return reply{resp.StatusCode, resp.Header, string(b)}, err
}

// raw sends bytes on a connection of their own and reads one reply.
func (r *rig) raw(s string) reply {
	r.t.Helper()
	c := r.dial()
	io.WriteString(c, s)
	method, _, _ := strings.Cut(s, " ")
	got, err := c.read(method)
	if err != nil {
		r.t.Errorf("no reply: %v", err)
	}
	return got
}

// good is a chat request body.
const good = `{"model":"chat","messages":[]}`

// request writes a request with the body good; lines are header lines.
func (r *rig) request(line string, lines ...string) string {
	all := append([]string{line + " HTTP/1.1", "Host: x", "Content-Length: 30"}, lines...)
	return strings.Join(all, "\r\n") + "\r\n\r\n" + good
}

func (r *rig) bearer() string { return "Authorization: Bearer " + r.Key }

// code gives the stable code of a refusal in whatever dialect, and checks that
// header and body say the same.
func code(t testing.TB, got reply) string {
	t.Helper()
	var body struct {
		Error struct {
			Code     any
			Bulkhead struct{ Code, Call string }
			Details  []struct{ Reason string }
		}
		Bulkhead struct{ Code, Call string }
		Code     string
	}
	if err := json.Unmarshal([]byte(got.Body), &body); err != nil {
		t.Errorf("status %d, the refusal is no JSON: %v: %q", got.Status, err, got.Body)
		return ""
	}
	found := body.Error.Bulkhead.Code + body.Bulkhead.Code
	if len(body.Error.Details) > 0 {
		found = body.Error.Details[0].Reason
	}
	if h := got.Header.Get("Bulkhead-Error"); h != found || len(got.Header.Get("Bulkhead-Call")) != 26 {
		t.Errorf("header says %q, body %q, call %q", h, found, got.Header.Get("Bulkhead-Call"))
	}
	return found
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
