package crossing_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"bulkhead/call"
	"bulkhead/dialect"
	"bulkhead/translate"
)

// recordings says where a dialect's recorded exchanges lie: replies beside
// their NAME.meta.json, .sse and .bin for streams.
var recordings = map[dialect.Name]string{
	dialect.OpenAI: "../openai/testdata/exchange/*/*",
}

// spoken are the dialects whose recordings are crossed with each other.
func spoken() []translate.Dialect {
	var out []translate.Dialect
	for _, d := range translate.Dialects() {
		if recordings[d.Name] != "" {
			out = append(out, d)
		}
	}
	return out
}

// exchange is one recorded exchange of a dialect.
type exchange struct {
	of      translate.Dialect
	name    string
	request *dialect.Inbound // nil: not recorded, or no conversation
	status  int
	header  http.Header
	reply   []byte
	stream  bool
	binary  bool // frames that are no text
	embed   bool
}

// meta is what a meta.json holds.
type meta struct {
	Request *struct {
		URI  string          `json:"uri"`
		Body json.RawMessage `json:"body"`
	} `json:"request"`
	Response struct {
		Status  int               `json:"status"`
		Headers map[string]string `json:"headers"`
	} `json:"response"`
}

var (
	bedrockPath = regexp.MustCompile(`/model/([^/]+)/([a-z-]+)`)
	geminiPath  = regexp.MustCompile(`/models/([^/:]+):(\w+)`)
)

// inbound is a request as its route takes it in: model and stream from the
// path where the dialect has them there.
func (m *meta) inbound(t *testing.T) *dialect.Inbound {
	t.Helper()
	in := &dialect.Inbound{Action: call.Chat, Header: http.Header{}, Body: m.Request.Body}
	u, err := url.Parse(m.Request.URI)
	if err != nil {
		t.Fatal(err)
	}
	in.Query = u.Query()
	for _, form := range []*regexp.Regexp{bedrockPath, geminiPath} {
		if found := form.FindStringSubmatch(u.EscapedPath()); found != nil {
			if in.Model, err = url.PathUnescape(found[1]); err != nil {
				t.Fatal(err)
			}
			in.Stream = strings.Contains(strings.ToLower(found[2]), "stream")
		}
	}
	if strings.Contains(u.Path, "embed") {
		in.Action = call.Embeddings
	}
	return in
}

// load gives the exchanges of a dialect.
func load(t *testing.T, d translate.Dialect) []exchange {
	t.Helper()
	files, err := filepath.Glob(recordings[d.Name])
	if err != nil || len(files) == 0 {
		t.Fatalf("no recordings of %s: %v", d.Name, err)
	}
	var out []exchange
	for _, file := range files {
		ext := filepath.Ext(file)
		if strings.HasSuffix(file, ".meta.json") || ext != ".json" && ext != ".sse" && ext != ".bin" {
			continue
		}
		x := exchange{of: d, name: strings.TrimSuffix(filepath.Base(file), ext), status: 200, stream: ext != ".json", binary: ext == ".bin", header: http.Header{}}
		if x.reply, err = os.ReadFile(file); err != nil {
			t.Fatal(err)
		}
		if b, err := os.ReadFile(strings.TrimSuffix(file, ext) + ".meta.json"); err == nil {
			var m meta
			if err := json.Unmarshal(b, &m); err != nil {
				t.Fatal(err)
			}
			if x.status = m.Response.Status; m.Request != nil {
				x.request = m.inbound(t)
				x.embed = x.request.Action == call.Embeddings
			}
			for k, v := range m.Response.Headers {
				x.header.Set(k, v)
			}
		}
		if strings.HasPrefix(x.name, "error-") && x.status == 200 && !x.stream {
			x.status = 400 // whoever recorded it lost the status
		}
		out = append(out, x)
	}
	return out
}

// cross runs a test for every recorded exchange and every dialect it may go to.
func cross(t *testing.T, use func(*exchange) bool, test func(t *testing.T, x *exchange, to translate.Dialect)) {
	crossed := 0
	for _, from := range spoken() {
		for _, x := range load(t, from) {
			if !use(&x) {
				continue
			}
			for _, to := range spoken() {
				crossed++
				t.Run(string(from.Name)+"/"+x.name+"/"+string(to.Name), func(t *testing.T) { test(t, &x, to) })
			}
		}
	}
	if crossed == 0 {
		t.Error("nothing is crossed")
	}
}

func TestRecordings_OfEveryDialect(t *testing.T) {
	for _, d := range spoken() {
		if recordings[d.Name] == "" {
			t.Errorf("%s has no recordings", d.Name)
		}
	}
}
