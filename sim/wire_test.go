package sim_test

import (
	"bytes"
	"fmt"
	"mime"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"

	"bulkhead/sim"
)

// recorded is an exchange as the real vendor had it.
type recorded struct {
	Request *struct {
		Method  string            `json:"method"`
		URI     string            `json:"uri"`
		Headers map[string]string `json:"headers"`
		Body    jsontext.Value    `json:"body"`
	} `json:"request"`
	Response struct {
		Status  int               `json:"status"`
		Headers map[string]string `json:"headers"`
	} `json:"response"`
}

func load(t *testing.T, name string) (body []byte, meta *recorded) {
	t.Helper()
	file := filepath.Join("testdata", "recorded", filepath.FromSlash(name))
	body, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(strings.TrimSuffix(file, filepath.Ext(file)) + ".meta.json")
	if os.IsNotExist(err) {
		return body, nil
	}
	if err != nil {
		t.Fatal(err)
	}
	meta = new(recorded)
	if err := json.Unmarshal(text, meta); err != nil {
		t.Fatal(err)
	}
	return body, meta
}

// shapes collects what stands at each place of a JSON value: the types seen, and of objects the members. Elements of
// an array share a place. Order of members is kept for streams, whose recordings are untouched bytes.
type shapes map[string][]string

func (s shapes) note(path, what string) {
	if !slices.Contains(s[path], what) {
		s[path] = append(s[path], what)
		slices.Sort(s[path])
	}
}

func (s shapes) walk(t *testing.T, path string, v jsontext.Value) {
	t.Helper()
	switch v.Kind() {
	case jsontext.KindBeginObject:
		s.note(path, "object")
		for _, m := range members(t, v) {
			s.walk(t, path+"."+m.name, m.value)
		}
	case jsontext.KindBeginArray:
		s.note(path, "array")
		var elems []jsontext.Value
		if err := json.Unmarshal(v, &elems); err != nil {
			t.Fatal(err)
		}
		for _, e := range elems {
			s.walk(t, path+"[]", e)
		}
	case jsontext.KindNull:
		s.note(path, "null")
	case jsontext.KindString:
		s.note(path, "string")
	case jsontext.KindNumber:
		s.note(path, "number")
	default:
		s.note(path, "boolean")
	}
}

type rawMember struct {
	name  string
	value jsontext.Value
}

func members(t *testing.T, v jsontext.Value) []rawMember {
	t.Helper()
	d := jsontext.NewDecoder(bytes.NewReader(v))
	var out []rawMember
	if _, err := d.ReadToken(); err != nil {
		t.Fatal(err)
	}
	for d.PeekKind() == jsontext.KindString {
		name, err := d.ReadToken()
		if err != nil {
			t.Fatal(err)
		}
		text := name.String()
		value, err := d.ReadValue()
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, rawMember{text, value.Clone()})
	}
	return out
}

// differences lists where two shapes differ, one line each: "- path type" only recorded, "+ path type" only ours.
// Below a place that one side lacks nothing more is said.
func differences(want, got shapes) []string {
	var out []string
	side := func(sign string, a, b shapes) {
		for path, types := range a {
			if parent := parentOf(path); parent != "" && len(b[parent]) == 0 {
				continue
			}
			for _, typ := range types {
				if !slices.Contains(b[path], typ) {
					out = append(out, sign+" "+path+" "+typ)
				}
			}
		}
	}
	side("-", want, got)
	side("+", got, want)
	slices.Sort(out)
	return out
}

func parentOf(path string) string {
	if p, ok := strings.CutSuffix(path, "[]"); ok {
		return p
	}
	if i := strings.LastIndexByte(path, '.'); i >= 0 {
		return path[:i]
	}
	return ""
}

// signature writes a chunk with its values replaced by their types, members in order. What is listed in ignore is
// left out, and so is its place in the order; "place null" leaves it out where it is null.
func signature(t *testing.T, v jsontext.Value, path string, ignore []string) string {
	switch v.Kind() {
	case jsontext.KindBeginObject:
		var parts []string
		for _, m := range members(t, v) {
			at := path + "." + m.name
			if !slices.Contains(ignore, at) && !(m.value.Kind() == jsontext.KindNull && slices.Contains(ignore, at+" null")) {
				parts = append(parts, m.name+":"+signature(t, m.value, at, ignore))
			}
		}
		return "{" + strings.Join(parts, ",") + "}"
	case jsontext.KindBeginArray:
		var elems []jsontext.Value
		if err := json.Unmarshal(v, &elems); err != nil {
			t.Fatal(err)
		}
		var parts []string
		for _, e := range elems {
			if sig := signature(t, e, path+"[]", ignore); !slices.Contains(parts, sig) {
				parts = append(parts, sig)
			}
		}
		return "[" + strings.Join(parts, "|") + "]"
	case jsontext.KindNull:
		return "null"
	case jsontext.KindString:
		if slices.Contains([]string{".object", ".choices[].delta.role", ".choices[].finish_reason"}, path) {
			return string(v) // the words of these are part of the wire
		}
		return "s"
	case jsontext.KindNumber:
		return "n"
	default:
		return "b"
	}
}

// sequence gives the kinds of chunk of a stream in their order, runs of one kind told once, apart for each choice;
// chunks without choices are told under "none" and must be first or last.
func sequence(t *testing.T, body []byte, ignore []string) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	for _, text := range streamData(t, body) {
		v := decode(t, text)
		key := "none"
		if v.has("choices") && v.len("choices") > 0 {
			key = fmt.Sprint(v.num("choices", 0, "index"))
		}
		sig := signature(t, text, "", ignore)
		if seq := out[key]; len(seq) == 0 || seq[len(seq)-1] != sig {
			out[key] = append(seq, sig)
		}
	}
	return out
}

// streamData gives the data of each event and fails on any other framing than the recordings have: "data: " lines of
// LF, one blank line after each, "[DONE]" last.
func streamData(t *testing.T, body []byte) []jsontext.Value {
	t.Helper()
	frames(t, body) // fails on what is not so
	var out []jsontext.Value
	for line := range bytes.SplitSeq(body, []byte("\n\n")) {
		if data, ok := bytes.CutPrefix(line, []byte("data: ")); ok && string(data) != "[DONE]" {
			out = append(out, jsontext.Value(data))
		}
	}
	return out
}

// wireCase is one recorded exchange and how ours differs from it. The list of differences is exact: one more or one
// less fails the test.
type wireCase struct {
	name   string // file under testdata/recorded
	vendor string
	path   string            // if the recorded one is not known or not served
	body   string            // if the request was not recorded
	edit   map[string]string // replaces in the recorded body: what provokes by our means what the recording shows
	key    string
	fault  *sim.Fault
	differ []string // of unary bodies: see differences
	ignore []string // of streams: places that only one side has
	status int      // if the recording's was edited by those who made it
}

func TestWire_HasTheRecordedShape(t *testing.T) {
	s := start(t, sim.Options{Vendors: []sim.Vendor{
		{Name: "openai", Kind: sim.OpenAI, Models: append(defaultModels(sim.OpenAI), sim.Model{ID: "curie"})},
		{Name: "azure", Kind: sim.Azure, Key: "azure-key", Models: append(defaultModels(sim.Azure),
			sim.Model{ID: "openllmetry-testing", Version: "gpt-35-turbo"}, sim.Model{ID: "test-openai", Version: "gpt-4o-mini-2024-07-18"},
			sim.Model{ID: "ada-testing", Version: "ada", Embeds: true})},
		{Name: "compatible", Kind: sim.Compatible, Models: append(defaultModels(sim.Compatible), sim.Model{ID: "gemini-2.5-pro-preview-05-06"})},
	}})
	for _, c := range wireCases() {
		t.Run(c.name, func(t *testing.T) { s.compare(t, c) })
	}
}

func defaultModels(k sim.Kind) []sim.Model {
	s := sim.New(sim.Options{Vendors: []sim.Vendor{{Name: "x", Kind: k}}})
	defer s.Close()
	return s.Vendors()[0].Models
}

func (s *site) compare(t *testing.T, c wireCase) {
	want, meta := load(t, c.name)
	var rules []sim.Rule
	if c.fault != nil {
		rules = []sim.Rule{{Fault: *c.fault}}
	}
	if err := s.SetFaults(rules); err != nil {
		t.Fatal(err)
	}
	res := s.replay(c, meta)
	status := http.StatusOK
	if meta != nil {
		status = meta.Response.Status
		for name, value := range meta.Response.Headers {
			if name == "content-type" && mediaType(t, value) != mediaType(t, res.Header.Get(name)) {
				t.Errorf("content-type: got %q, want %q", res.Header.Get(name), value)
			}
			if res.Header.Get(name) == "" && !slices.Contains(notSent, name) {
				t.Errorf("header %s was recorded and is not sent", name)
			}
		}
	}
	if c.status != 0 {
		status = c.status
	}
	if res.StatusCode != status {
		t.Fatalf("status: got %d %s, want %d", res.StatusCode, res.body, status)
	}
	if strings.HasSuffix(c.name, ".sse") {
		if diff := cmp.Diff(sequence(t, want, c.ignore), sequence(t, res.body, c.ignore)); diff != "" {
			t.Errorf("chunks (-recorded +ours):\n%s", diff)
		}
		_, done := frames(t, res.body)
		if _, recordedDone := frames(t, want); done != recordedDone {
			t.Errorf("end marker: got %v, want %v", done, recordedDone)
		}
		unused(t, c, want, res.body)
		return
	}
	w, g := shapes{}, shapes{}
	w.walk(t, "", want)
	g.walk(t, "", res.body)
	if diff := cmp.Diff(append([]string{}, c.differ...), append([]string{}, differences(w, g)...)); diff != "" {
		t.Errorf("differences (-listed +found):\n%s\nours: %s", diff, res.body)
	}
}

// mediaType drops the charset, which the recordings have of one vendor now with and now without.
func mediaType(t *testing.T, contentType string) string {
	t.Helper()
	m, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		t.Fatalf("content-type %q: %v", contentType, err)
	}
	return m
}

// notSent are recorded headers that the pretend vendors leave out: those of limits on images, and of offers by tier.
var notSent = []string{
	"x-ratelimit-limit-input-images", "x-ratelimit-remaining-input-images", "x-ratelimit-reset-input-images",
	"azureai-requested-tier", "azureai-processed-tier", "azureai-fe-is-streaming", "azureai-fe-offer-type",
}

// unused fails for places that are ignored though both sides agree on them.
func unused(t *testing.T, c wireCase, want, got []byte) {
	t.Helper()
	for i, place := range c.ignore {
		rest := slices.Delete(slices.Clone(c.ignore), i, i+1)
		if cmp.Equal(sequence(t, want, rest), sequence(t, got, rest)) {
			t.Errorf("%s is ignored, but does not differ", place)
		}
	}
}

func (s *site) replay(c wireCase, meta *recorded) response {
	method, path, body := "POST", c.path, c.body
	var header []string
	if meta != nil && meta.Request != nil {
		method = meta.Request.Method
		if path == "" {
			_, rest, _ := strings.Cut(strings.TrimPrefix(meta.Request.URI, "https://"), "/")
			path = "/" + rest
		}
		if body == "" && string(meta.Request.Body) != "null" {
			body = string(meta.Request.Body)
		}
		if meta.Response.Headers["x-ms-client-request-id"] != "" {
			header = append(header, "X-Ms-Client-Request-Id", "5b1c8f6e-0000-4000-a000-000000000000")
		}
	}
	for from, to := range c.edit {
		if !strings.Contains(body, from) {
			s.t.Fatalf("%q does not stand in the recorded request", from)
		}
		body = strings.ReplaceAll(body, from, to)
	}
	key := c.key
	if key == "" {
		key = "azure-key"
	}
	return s.do(method, s.url+"/vendor/"+c.vendor+path, body, append(header, "Authorization", "Bearer "+key)...)
}
