package gateway_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"bulkhead/call"
	"bulkhead/catalog"
	"bulkhead/dialect"
	"bulkhead/marking"
	"bulkhead/policy"
	"bulkhead/policy/policytest"
)

// world is an estate in force with what is known of it from outside.
type world struct {
	number int
	estate *catalog.Estate
	oracle *policytest.Oracle
}

// offeringsMost is how many offerings the dice make at most.
const offeringsMost = 8

// newWorld rolls an estate whose n-th offering is at the n-th listener, under a
// path and by an id that tell it from all others.
func newWorld(number int, listeners []*vendor) *world {
	d := policytest.NewDice(uint64(number))
	d.First = time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, -35)
	e := d.Estate()
	e.Digest = fmt.Sprintf("sha256:%064x", number)
	x := &world{number: number, estate: e, oracle: &policytest.Oracle{Estate: e, Built: policy.Options{Dialects: dialect.Carried(), Gates: policy.Built()}}}
	var text string
	if x.oracle.Rules, text = d.Rules(); text != "" {
		e.Policies = []catalog.PolicyFile{{Name: "policies/a.cedar", Text: text}}
	}
	for _, v := range e.Vendors {
		for _, m := range v.Models {
			if d.IntN(4) == 0 {
				m.Capabilities = []string{"embeddings"}
			}
			if d.IntN(3) == 0 {
				m.Modalities = []string{"text", "image"}
			}
		}
	}
	for i, o := range e.Offerings {
		o.Endpoint.URL = listeners[i].URL + fmt.Sprintf("/estate%d", number)
		o.Endpoint.Surface, o.ID = "v1", fmt.Sprintf("offering%d", i)
		for _, c := range []call.Capability{call.RemoteURL, call.FileID, call.CodeInterpreter, call.HostedMCP} {
			if d.IntN(3) == 0 {
				o.Grants = append(o.Grants, c)
			}
		}
	}
	for _, w := range e.Workloads {
		w.UnknownFields = policytest.Pick(d, "pass", "refuse")
		w.RefusalDetail = policytest.Pick(d, "full", "brief")
		w.Marking.Found = policytest.Pick(d, "", "refuse", "raise")
		w.Marking.Unread = policytest.Pick(d, "", "UNCLASSIFIED", "UNCLASSIFIED", "CUI")
		w.Delivery = "live"
	}
	return x
}

// outgoing is a call with all that its maker knows of it.
type outgoing struct {
	token    string // stands in the body, so that a vendor tells which call it sees
	workload string
	alias    string
	action   call.Action
	declared string // header
	purpose  string // header
	found    string // banner of the strongest mark in the text; empty: none
	needs    []call.Capability
	media    []string
	unread   bool
	unknown  bool // has a field that nobody knows
	stores   bool
	dry      bool
	body     string
}

// marked are texts and the banners of the marks in them.
var marked = [][2]string{{"the tide is high", ""}, {"the tide is high", ""}, {"the tide is high", ""}, {"(U) the tide is high", ""}, {"(CUI) the file of an applicant", "CUI"},
	{"(CUI//SP-PRVCY) the file of an applicant", "CUI//SP-PRVCY"}, {"(S//NF) the convoy sails", "SECRET//NOFORN"}, {"SECRET//NOFORN", "SECRET//NOFORN"}, {"TOP SECRET//SI//NOFORN", "TOP SECRET//SI//NOFORN"}}

// newOutgoing rolls a call that fits the world well enough to be served now and then.
func newOutgoing(d *rand.Rand, token string, near *world) *outgoing {
	pick := func(from ...string) string { return from[d.IntN(len(from))] }
	one := func(n int) bool { return d.IntN(n) == 0 }
	c := &outgoing{token: token, workload: pick(append(slices.Sorted(maps.Keys(near.estate.Workloads)), "watch")...), alias: pick("x", "y"), action: call.Chat, dry: one(6)}
	if w := near.estate.Workloads[c.workload]; w != nil && one(3) {
		c.purpose = pick(w.Purposes[0], w.Purposes[1], "mil.planning")
	}
	if one(4) {
		c.declared = pick(append(policytest.Banners[near.estate.Enclave.Domain], "U", "(CUI)", "SEKRIT")...)
	}
	text := marked[d.IntN(len(marked))]
	if !one(4) {
		text = marked[0]
	}
	c.found = text[1]
	text[0] += "\n" + token // where no user can be told
	var more []string
	if one(10) {
		c.unknown = true
		more = append(more, `"frobnicate":{"further":1}`)
	}
	if one(8) {
		c.action = call.Embeddings
		input := fmt.Sprintf("[%q]", text[0])
		if one(5) {
			c.unread, c.found, input = true, "", "[1,2,3]"
		}
		c.body = c.write(append(more, `"input":`+input))
		return c
	}
	content := fmt.Sprintf("%q", text[0])
	c.reachFurther(d, &more, &content, text[0])
	if one(3) {
		more = append(more, `"stream":true`)
	}
	if one(5) {
		c.stores = true
		more = append(more, `"store":true`)
	}
	c.body = c.write(append(more, `"messages":[{"role":"user","content":`+content+`}]`))
	return c
}

// reachFurther gives some calls what asks a vendor to reach beyond them.
func (c *outgoing) reachFurther(d *rand.Rand, more *[]string, content *string, text string) {
	need := func(n call.Capability, member string) {
		c.needs = append(c.needs, n)
		*more = append(*more, member)
	}
	part := func(p string) { *content = fmt.Sprintf(`[{"type":"text","text":%q},%s]`, text, p) }
	switch d.IntN(20) {
	case 0:
		need(call.WebSearch, `"tools":[{"type":"web_search"}]`)
	case 1:
		need(call.WebSearch, `"web_search_options":{}`)
	case 2:
		need(call.CodeInterpreter, `"tools":[{"type":"function","function":{"name":"f"}},{"type":"code_interpreter"}]`)
	case 3:
		need(call.HostedMCP, `"tools":[{"type":"mcp"}]`)
	case 4:
		c.needs, c.media, c.unread = []call.Capability{call.RemoteURL}, []string{"image"}, true
		part(`{"type":"image_url","image_url":{"url":"https://example.gov/a.png"}}`)
	case 5:
		c.media, c.unread = []string{"image"}, true
		part(`{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}}`)
	case 6:
		c.needs, c.media, c.unread = []call.Capability{call.FileID}, []string{"file"}, true
		part(`{"type":"file","file":{"file_id":"file-1"}}`)
	}
}

func (c *outgoing) write(members []string) string {
	return `{"model":"` + c.alias + `","user":"` + c.token + `",` + strings.Join(members, ",") + "}"
}

func (c *outgoing) path() string {
	if c.action == call.Embeddings {
		return "/v1/embeddings"
	}
	return "/v1/chat/completions"
}

func (c *outgoing) header(key string) []string {
	h := []string{"Authorization", "Bearer " + key}
	for name, v := range map[string]string{"Bulkhead-Marking": c.declared, "Bulkhead-Purpose": c.purpose} {
		if v != "" {
			h = append(h, name, v)
		}
	}
	if c.dry {
		h = append(h, "Bulkhead-Dry-Run", "1")
	}
	return h
}

// below reports whether a marking is at most another.
func below(a, b marking.Label) bool { return a.Join(b).Equal(b) }

// label is the marking of the call in a world, by the words of the issue; none
// if the call has to be refused for it.
func (c *outgoing) label(x *world, w *catalog.Workload) (l marking.Label, ok bool) {
	declared := w.Marking.Default
	switch c.declared {
	case "":
	case "SEKRIT":
		return l, false
	case "U":
		declared = "UNCLASSIFIED"
	case "(CUI)":
		declared = "CUI"
	default:
		declared = c.declared
	}
	said := policytest.Read(declared)
	ceiling := catalog.Ceiling{Banner: w.Marking.Ceiling}
	if !below(policytest.Read(w.Marking.Floor), said) || !policytest.MayHave(ceiling, said) {
		return l, false
	}
	all := said
	if c.found != "" {
		all = said.Join(policytest.Read(c.found))
	}
	if !below(all, said) && (w.Marking.Found != "raise" || !policytest.MayHave(ceiling, all)) {
		return l, false
	}
	if c.unread {
		if w.Marking.Unread == "" {
			return l, false
		}
		all = all.Join(policytest.Read(w.Marking.Unread))
	}
	return all, true
}

// allowed are the offerings that may see the call in a world.
func (c *outgoing) allowed(x *world, key string, now time.Time) []string {
	w := x.estate.Workloads[c.workload]
	if w == nil || c.unknown && w.UnknownFields != "pass" {
		return nil
	}
	l, ok := c.label(x, w)
	if !ok {
		return nil
	}
	q := policy.Question{Workload: w, Alias: w.Aliases[c.alias], Purpose: c.purpose, Label: l, Principal: policy.Principal{ID: key},
		Action: c.action, Dialect: "openai", Now: now}
	for _, n := range c.needs {
		q.Needs = append(q.Needs, policy.Need{Capability: n})
	}
	if len(c.media) > 0 {
		q.Modalities = append(slices.Clone(c.media), "text")
	}
	var out []string
	var first *catalog.Model // vectors of another cannot stand in for its
	for _, o := range q.Alias.Offerings {
		if x.oracle.Allows(q, o) && (first == nil || c.action != call.Embeddings || o.Model == first) {
			first = o.Model
			out = append(out, o.Name)
		}
	}
	return out
}
