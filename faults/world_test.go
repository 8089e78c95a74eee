package faults_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"bulkhead/catalog"
	"bulkhead/egress"
	"bulkhead/gateway"
	"bulkhead/identity"
	"bulkhead/ingress"
	"bulkhead/ledger"
	"bulkhead/ledger/ledgertest"
	"bulkhead/sim"
)

// lane is who speaks what: the caller, the offering that fails, and the others.
type lane struct{ caller, first, other string }

func (l lane) String() string {
	return l.caller + " to " + l.first + ", else " + l.other
}

// lanes: each dialect with itself, and two foreign ones each.
var lanes = []lane{
	{"openai", "openai", "openai"}, {"responses", "responses", "openai"}, {"anthropic", "anthropic", "bedrock"}, {"bedrock", "bedrock", "bedrock"}, {"gemini", "gemini", "anthropic"},
	{"openai", "anthropic", "openai"}, {"openai", "gemini", "responses"}, {"responses", "bedrock", "responses"}, {"responses", "openai", "gemini"}, {"anthropic", "openai", "anthropic"},
	{"anthropic", "gemini", "openai"}, {"bedrock", "anthropic", "openai"}, {"bedrock", "responses", "gemini"}, {"gemini", "responses", "gemini"}, {"gemini", "bedrock", "openai"},
}

// state is one call: a row of the table, how it is asked, and what is permitted.
type state struct {
	row    row
	stream bool
	atomic bool
	others bool
	id     string // of its alias, and with first, second or third its endpoints and models
}

func (s *state) name() string {
	n := s.row.name + ", "
	if s.stream {
		n += "stream, "
	} else {
		n += "unary, "
	}
	if s.atomic {
		n += "atomic, "
	} else {
		n += "live, "
	}
	if s.others {
		return n + "with another"
	}
	return n + "alone"
}

// states are all that a lane goes through.
func states() []*state {
	var out []*state
	for _, r := range rows() {
		for _, stream := range []bool{false, true} {
			for _, atomic := range []bool{false, true} {
				for _, others := range []bool{false, true} {
					if r.only == "stream" && !stream || r.only == "unary" && stream {
						continue
					}
					out = append(out, &state{r, stream, atomic, others, fmt.Sprintf("s%d", len(out))})
				}
			}
		}
	}
	return out
}

var kinds = map[string]sim.Kind{"openai": sim.OpenAI, "responses": sim.OpenAI, "anthropic": sim.Anthropic, "gemini": sim.Gemini, "bedrock": sim.Bedrock}

// world is a gateway before vendors that fail, for all states of a lane: each
// has an alias, endpoints and models of its own, so that none learns of another.
type world struct {
	t       testing.TB
	sim     *sim.Sim
	gateway *gateway.Gateway
	ledger  *ledger.Log
	url     string
	key     string
	client  *http.Client

	once  sync.Once
	holds bool // the build knows of delivery
}

// endpoints are the URLs of a lane's vendors.
type endpoints struct {
	first, other      string
	certificate, mute string
}

func newWorld(t testing.TB, l lane, all []*state) *world {
	t.Helper()
	w := &world{t: t}
	first, other := sim.Vendor{Name: "first", Kind: kinds[l.first], Models: []sim.Model{}}, sim.Vendor{Name: "other", Kind: kinds[l.other], Models: []sim.Model{}}
	var rules []sim.Rule
	for _, s := range all {
		first.Models = append(first.Models, sim.Model{ID: s.id + "-first"})
		other.Models = append(other.Models, sim.Model{ID: s.id + "-second"}, sim.Model{ID: s.id + "-third"})
		if s.row.fault != nil {
			rules = append(rules, sim.Rule{Match: sim.Match{Model: s.id + "-first", Count: s.row.times}, Fault: s.row.fault(l.first, s.stream)})
		}
		if s.row.second != nil {
			rules = append(rules, sim.Rule{Match: sim.Match{Model: s.id + "-second"}, Fault: *s.row.second})
		}
	}
	w.sim = sim.New(sim.Options{Vendors: []sim.Vendor{first, other}, MaxRecords: 100_000})
	t.Cleanup(func() { w.sim.Close() })
	if err := w.sim.SetFaults(rules); err != nil {
		t.Fatal(err)
	}
	root, err := w.sim.Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	tls := httptest.NewUnstartedServer(w.sim)
	tls.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	tls.StartTLS()
	t.Cleanup(tls.Close)
	mute := listen(t)
	t.Cleanup(func() { mute.Close() })
	w.serve(estateOf(l, all, endpoints{
		first: base(w.sim, root, "first", l.first), other: base(w.sim, root, "other", l.other),
		certificate: base(w.sim, tls.URL, "first", l.first), mute: "https://" + mute.Addr().String(),
	}))
	return w
}

func listen(t testing.TB) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// base is the URL that an endpoint's row has.
func base(s *sim.Sim, root, vendor, dialect string) string {
	if dialect == "bedrock" {
		return strings.TrimSuffix(s.BaseURL(root, vendor), "/openai/v1")
	}
	return s.BaseURL(root, vendor)
}

// serve puts a gateway behind its listener.
func (w *world) serve(e *catalog.Estate) {
	t := w.t
	w.ledger = ledgertest.Open(t, &ledgertest.Memory{})
	keys := identity.NewKeyring(bytes.Repeat([]byte{7}, identity.PepperBytes))
	key, text := keys.Mint(nil, "w", "", time.Now(), time.Time{})
	keys.Put(key)
	w.key = text
	log := slog.New(slog.DiscardHandler)
	w.gateway = gateway.New(gateway.Options{
		Keys: keys, Log: log, Ledger: w.ledger, Observe: observe,
		Egress: egress.Options{Secret: func(string) (string, error) { return "vendor-secret", nil }, UserAgent: "Bulkhead/test"},
	})
	if problems, err := w.gateway.Use(e, nil); err != nil || len(problems) > 0 {
		t.Fatal(err, problems)
	}
	l := listen(t)
	server := ingress.New(ingress.Options{Gateway: w.gateway, Log: log})
	done := make(chan error, 1)
	go func() { done <- server.Serve(l) }()
	w.url = "http://" + l.Addr().String()
	w.client = &http.Client{Transport: &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 64}}
	t.Cleanup(func() {
		w.client.CloseIdleConnections()
		server.Close()
		<-done
		nothing := &catalog.Estate{}
		lawful(nothing)
		w.gateway.Use(nothing, nil) // lets go of every door
	})
}

// estateOf is an estate with an alias for each state.
func estateOf(l lane, all []*state, at endpoints) *catalog.Estate {
	e := &catalog.Estate{Digest: "sha256:faults", Workloads: map[string]*catalog.Workload{}}
	w := &catalog.Workload{Name: "w", UnknownFields: "pass", Aliases: map[string]*catalog.Alias{}}
	model := func(name string, context int64) *catalog.Model {
		return &catalog.Model{Vendor: "acme", Name: name, Version: "unpinned", Context: context, MaxOutput: 4096}
	}
	models := map[string]*catalog.Model{"first": model("first", 128_000), "second": model("second", 128_000), "third": model("third", 128_000), "larger": model("larger", 1_000_000)}
	for _, s := range all {
		alias := &catalog.Alias{Name: s.id}
		add := func(role, which, dialect, url string, limits catalog.Limits) {
			p := &catalog.Endpoint{Name: s.id + "-" + role, URL: url, Dialect: dialect, Limits: limits, Auth: catalog.Auth{Kind: "bearer", Secret: "env:VENDOR"}, StreamUsage: "ask"}
			o := &catalog.Offering{Name: p.Name + "/" + which, Index: len(e.Offerings), Model: models[which], Endpoint: p, ID: s.id + "-" + role}
			e.Endpoints, e.Offerings = append(e.Endpoints, p), append(e.Offerings, o)
			alias.Models, alias.Offerings = append(alias.Models, o.Model), append(alias.Offerings, o)
		}
		fails := quick
		fails.Total = s.row.total
		if s.row.reach != "" && s.row.reach != "mute" { // it fails by itself, as soon as the machine has time for it
			fails = catalog.Limits{Connect: soon / 2}
		}
		url := map[string]string{"": at.first, "certificate": at.certificate, "mute": at.mute, "closed": "http://127.0.0.1:1", "dns": "http://vendor.invalid/v1"}[s.row.reach]
		add("first", "first", l.first, url, fails)
		if s.others {
			second := "second"
			if s.row.larger {
				second = "larger"
			}
			add("second", second, l.other, at.other, catalog.Limits{Total: s.row.total})
			if s.row.third {
				add("third", "third", l.other, at.other, catalog.Limits{Total: s.row.total})
			}
		}
		w.Aliases[s.id] = alias
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
	acme := &catalog.Vendor{Name: "acme", Models: map[string]*catalog.Model{}}
	e.Vendors = append(e.Vendors, acme)
	for _, p := range e.Endpoints {
		p.Cloud, p.Partition, p.In, p.Region = catalog.Own, own.Name, own, "hq"
	}
	for _, o := range e.Offerings {
		o.Model.Modalities = []string{"text"}
		o.Regions, o.Authorisations = []string{"hq"}, []catalog.Authorisation{ato}
		o.Handling = catalog.Handling{Retention: "none", CloudStaff: "us_citizens", VendorStaff: "none", HumanReview: "false", Training: "false"}
		o.Enablement = catalog.Enablement{State: "enabled", By: "low", From: from}
		acme.Models[o.Model.Name] = o.Model
	}
	for _, w := range e.Workloads {
		w.Purposes = []string{"admin.drafting"}
		w.Marking = catalog.MarkingRange{Default: "U", Floor: "U", Ceiling: "CUI", Unread: "U"}
		w.Audience = catalog.Audience{Subject: catalog.Ceiling{Clearance: "U", Citizenship: []string{"USA"}, Affiliation: "US-FED"}, Document: "A-1", Expires: until}
		w.Delivery, w.RefusalDetail = "live", "full"
	}
}

// reply is a reply as the caller read it.
type reply struct {
	status int
	header http.Header
	body   []byte
	err    error // it broke off
	took   time.Duration
}

// call makes the call of a state.
func (w *world) call(s *state, caller speaker, prompt string) (reply, error) {
	target, body := caller.request(s.id, prompt, s.stream)
	ctx, cancel := context.WithTimeout(context.Background(), 2*soon)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url+target, strings.NewReader(body))
	if err != nil {
		return reply{}, err
	}
	req.Header.Set("Authorization", "Bearer "+w.key)
	req.Header.Set("Content-Type", "application/json")
	if s.atomic {
		req.Header.Set("Bulkhead-Delivery", "atomic")
	}
	begun := time.Now()
	resp, err := w.client.Do(req)
	if err != nil {
		return reply{}, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return reply{resp.StatusCode, resp.Header, b, err, time.Since(begun)}, nil
}
