package gateway_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"

	"bulkhead/call"
)

// recording is a recorded exchange: what a real server said, and what it was asked.
type recording struct {
	Name   string
	Action call.Action
	Body   []byte // of the request, as it is written in the recording
	Model  string
	Stream bool
	Asked  bool // for the usage chunk
	Status int
	Header map[string]string
	Reply  []byte
	Grants []call.Capability
}

// recordings loads every exchange of testdata/recorded.
func recordings(t testing.TB) []*recording {
	t.Helper()
	files, err := filepath.Glob("testdata/recorded/*/*")
	if err != nil {
		t.Fatal(err)
	}
	var all []*recording
	for _, file := range files {
		if strings.HasSuffix(file, ".meta.json") || strings.HasSuffix(file, "model-retrieve.json") {
			continue
		}
		all = append(all, load(t, file))
	}
	if len(all) != 40 {
		t.Fatalf("%d recordings, want 40", len(all))
	}
	return all
}

func load(t testing.TB, file string) *recording {
	t.Helper()
	c := &recording{Name: strings.TrimPrefix(file, "testdata/recorded/"), Action: call.Chat, Status: 200}
	var err error
	if c.Reply, err = os.ReadFile(file); err != nil {
		t.Fatal(err)
	}
	var meta struct {
		Request  struct{ Body json.RawMessage }
		Response struct {
			Status  int
			Headers map[string]string
		}
	}
	name := strings.TrimSuffix(strings.TrimSuffix(file, ".json"), ".sse")
	if b, err := os.ReadFile(name + ".meta.json"); err == nil {
		if err := json.Unmarshal(b, &meta); err != nil {
			t.Fatal(err)
		}
		c.Status, c.Header = meta.Response.Status, meta.Response.Headers
	}
	if strings.Contains(file, "error-400-content-filter") {
		c.Status = 400 // as its body says; the recording was edited to 200
	}
	if strings.Contains(file, "embeddings") {
		c.Action = call.Embeddings
	}
	c.Body = meta.Request.Body
	if len(c.Body) == 0 || string(c.Body) == "null" {
		c.Body = []byte(fmt.Sprintf(`{"messages":[{"role":"user","content":"hi"}],"model":"gpt-4o","stream":%v}`, strings.HasSuffix(file, ".sse")))
	}
	var body struct {
		Model   string
		Stream  bool
		Options struct {
			Usage bool `json:"include_usage"`
		} `json:"stream_options"`
	}
	if err := json.Unmarshal(c.Body, &body); err != nil {
		t.Fatal(err)
	}
	c.Model, c.Stream, c.Asked = body.Model, body.Stream, body.Options.Usage
	if c.Stream != strings.HasSuffix(file, ".sse") {
		t.Fatalf("%s: stream %v", file, c.Stream)
	}
	if strings.Contains(file, "web-search") {
		c.Grants = []call.Capability{call.WebSearch}
	}
	return c
}

// value finds a member's value among the top-level members of a JSON object;
// it reads with the standard library, which the product does not.
func value(t testing.TB, body []byte, name string) (from, to int, found bool) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(body))
	if _, err := d.Token(); err != nil {
		t.Fatal(err)
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			t.Fatal(err)
		}
		var v json.RawMessage
		if err := d.Decode(&v); err != nil {
			t.Fatal(err)
		}
		if key == name {
			return int(d.InputOffset()) - len(v), int(d.InputOffset()), true
		}
	}
	return 0, 0, false
}

// Sent is what the vendor must be sent: the caller's bytes, but for the model
// and, where a stream does not ask for it, the usage chunk.
func (c *recording) Sent(t testing.TB, model string) []byte {
	t.Helper()
	from, to, found := value(t, c.Body, "model")
	if !found {
		t.Fatal("no model")
	}
	out := append(append(append([]byte(nil), c.Body[:from]...), fmt.Sprintf("%q", model)...), c.Body[to:]...)
	if c.Stream && !c.Asked {
		if _, _, found := value(t, c.Body, "stream_options"); found {
			t.Fatal("a recording with stream_options that ask for no usage; say here what it becomes")
		}
		out = append([]byte(`{"stream_options":{"include_usage":true},`), out[1:]...)
	}
	return out
}

// Relayed is what the caller must get: the vendor's bytes, but for usage chunks
// that it did not ask for.
func (c *recording) Relayed(asked bool) string {
	if !c.Stream || asked {
		return string(c.Reply)
	}
	var out strings.Builder
	for _, event := range strings.SplitAfter(string(c.Reply), "\n\n") {
		var chunk struct {
			Choices []json.RawMessage
			Usage   *struct{}
		}
		json.Unmarshal([]byte(strings.TrimPrefix(event, "data: ")), &chunk) // [DONE] is none
		if chunk.Usage == nil || len(chunk.Choices) > 0 {
			out.WriteString(event)
		}
	}
	return out.String()
}

// HeaderLines are the recorded header fields of the reply but for its framing.
func (c *recording) HeaderLines() string {
	lines := []string{}
	typed := false
	for name, v := range c.Header {
		typed = typed || name == "content-type"
		lines = append(lines, name+": "+v)
	}
	if !typed && c.Stream {
		lines = append(lines, streamType)
	} else if !typed {
		lines = append(lines, jsonType)
	}
	sort.Strings(lines)
	return strings.Join(lines, "\r\n")
}

// Path is the path under which a surface of the caller's has the action.
func (c *recording) Path(surface string) string {
	action := "chat/completions"
	if c.Action == call.Embeddings {
		action = "embeddings"
	}
	switch surface {
	case "deployments":
		return "/openai/deployments/" + c.Model + "/" + action + "?api-version=2024-02-01"
	case "azure v1":
		return "/openai/v1/" + action
	}
	return "/v1/" + action
}

// code is what a vendor's status becomes, and under which status.
func (c *recording) refusal() (status int, code string, refused bool) {
	switch c.Status {
	case 401, 404:
		return 502, "upstream_misconfigured", true
	case 429:
		return 429, "upstream_rate_limited", true
	}
	return c.Status, "", false
}

// check compares a reply with what the recording must give.
func (c *recording) check(t *testing.T, got reply, asked bool) {
	t.Helper()
	if status, code, is := c.refusal(); is {
		refused(t, got, status, code)
		return
	}
	if got.Status != c.Status || got.Err != nil {
		t.Errorf("status %d, %v; want %d: %s", got.Status, got.Err, c.Status, got.Body)
	}
	if want := c.Relayed(asked); got.Body != want {
		t.Errorf("the reply differs from byte %d on:\ngot  %.300q\nwant %.300q", differ(got.Body, want), got.Body[differ(got.Body, want):], want[differ(got.Body, want):])
	}
}

// differ is where two texts begin to differ.
func differ(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

func TestRecorded_PassesByteForByteOnEverySurface(t *testing.T) {
	for _, c := range recordings(t) {
		for _, from := range []string{"openai", "deployments", "azure v1"} {
			for _, to := range []string{"v1", "deployments"} {
				t.Run(c.Name+" from "+from+" to "+to, func(t *testing.T) {
					v := newVendor(t, func(x *visit) { x.Reply(c.Status, c.HeaderLines(), string(c.Reply)) })
					o := offer{Name: "one", URL: v.URL, ID: "the-vendors/own:id", Grants: c.Grants, Auth: "bearer"}
					target := "/v1" + strings.TrimPrefix(strings.Split(c.Path("openai"), "?")[0], "/v1")
					if to == "deployments" {
						o.Surface, o.APIVersion, o.Auth = "deployments", "2024-10-21", "api-key"
						o.URL = strings.TrimSuffix(v.URL, "/v1")
						target = "/openai/deployments/the-vendors%2Fown:id" + strings.TrimPrefix(target, "/v1") + "?api-version=2024-10-21"
					}
					r := start(t, estateOf("a", []string{c.Model}, o))
					header := []string{}
					if from == "deployments" {
						header = []string{"Authorization", "", "Api-Key", r.Key}
					}
					got := r.Post(c.Path(from), string(c.Body), append([]string{"X-Stainless-Timeout", "0.1"}, header...)...)
					c.check(t, got, c.Asked)
					x := v.Only()
					if want := c.Sent(t, o.ID); !bytes.Equal(x.Body, want) {
						t.Errorf("sent %s\nwant %s", x.Body, want)
					}
					if x.Target() != target {
						t.Errorf("asked for %s, want %s", x.Target(), target)
					}
					c.checkRecord(t, r.Record())
					c.checkHeader(t, got)
				})
			}
		}
	}
}

func (c *recording) checkRecord(t *testing.T, rec call.Record) {
	t.Helper()
	want := call.Complete
	switch {
	case c.Status != 200:
		want = call.Refused
	case strings.Contains(c.Name, "stream-error-mid"):
		want = call.Cut
	}
	if rec.Ending != want || rec.Alias != c.Model || rec.Workload != "w" || len(rec.Attempts) != 1 || rec.Attempts[0].Status != c.Status {
		t.Errorf("record %+v, want it %s", rec, want)
	}
	if want == call.Complete && (!rec.Usage.Known || rec.Usage.Input == 0) {
		t.Errorf("usage %+v", rec.Usage)
	}
}

func (c *recording) checkHeader(t *testing.T, got reply) {
	t.Helper()
	if _, _, is := c.refusal(); is {
		return
	}
	for name, want := range c.Header {
		as := name
		switch {
		case name == "x-request-id", strings.HasPrefix(name, "x-ratelimit-"), strings.HasPrefix(name, "retry-after"):
			as = "x-upstream-" + strings.TrimPrefix(name, "x-")
		case strings.HasPrefix(name, "openai-"), name == "x-ms-region", name == "x-ms-rai-invoked", name == "x-ms-deployment-name", name == "azureml-model-session":
		default:
			continue
		}
		if got.Header.Get(as) != want {
			t.Errorf("%s is %q, want %q", as, got.Header.Get(as), want)
		}
	}
	if got.Header.Get("Bulkhead-Offering") != "one/m" || got.Header.Get("Bulkhead-Estate") != "sha256:a" || got.Header.Get("Bulkhead-Call") == "" {
		t.Errorf("header %v", got.Header)
	}
}

func TestRecorded_PassesHoweverItIsFramed(t *testing.T) {
	replies := map[string]func(*visit, *recording){
		"chunked": func(x *visit, c *recording) {
			x.Say(head(c.Status, c.HeaderLines(), "Transfer-Encoding: chunked"))
			x.Chunks(string(c.Reply))
			x.End()
		},
		"to the end of the connection": func(x *visit, c *recording) {
			x.Say(head(c.Status, c.HeaderLines(), "Connection: close") + string(c.Reply))
			x.Hang()
		},
		"HTTP/1.0": func(x *visit, c *recording) {
			x.Say(strings.Replace(head(c.Status, c.HeaderLines()), "HTTP/1.1", "HTTP/1.0", 1) + string(c.Reply))
			x.Hang()
		},
		"a byte at a time": func(x *visit, c *recording) {
			for _, b := range []byte(head(c.Status, c.HeaderLines(), "Transfer-Encoding: chunked")) {
				x.Say(string(b))
			}
			var parts []string
			for i := range c.Reply {
				parts = append(parts, string(c.Reply[i:i+1]))
			}
			for len(parts) > 0 {
				n := min(len(parts), 1+len(parts)/50)
				x.Chunks(parts[:n]...)
				parts = parts[n:]
			}
			x.End()
		},
	}
	requests := map[string]func(*caller, string, string){
		"whole": func(c *caller, head, body string) {
			c.say(fmt.Sprintf("%sContent-Length: %d\r\n\r\n%s", head, len(body), body))
		},
		"in pieces": func(c *caller, head, body string) {
			all := fmt.Sprintf("%sContent-Length: %d\r\n\r\n%s", head, len(body), body)
			for n := 0; len(all) > 0; all = all[n:] {
				n = min(len(all), 97)
				c.say(all[:n])
			}
		},
		"in chunks of a byte": func(c *caller, head, body string) {
			var b strings.Builder
			b.WriteString(head + "Transfer-Encoding: chunked\r\n\r\n")
			for i := range len(body) {
				b.WriteString("1\r\n" + body[i:i+1] + "\r\n")
			}
			c.say(b.String() + "0\r\n\r\n")
		},
	}
	for _, c := range recordings(t) {
		for how, answer := range replies {
			for asked, ask := range requests {
				t.Run(c.Name+" "+how+", asked "+asked, func(t *testing.T) {
					v := newVendor(t, func(x *visit) { answer(x, c) })
					r := start(t, estateOf("a", []string{c.Model}, offer{Name: "one", URL: v.URL, Grants: c.Grants}))
					conn := r.dial()
					ask(conn, "POST "+c.Path("openai")+" HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "+r.Key+"\r\nContent-Type: application/json\r\nX-Stainless-Timeout: 0.1\r\n", string(c.Body)) // no time to wait for a limit to pass
					got, err := conn.read(10e9)
					if err != nil {
						t.Fatal(err)
					}
					c.check(t, got, c.Asked)
					if want := c.Sent(t, "vendor-model"); !bytes.Equal(v.Only().Body, want) {
						t.Errorf("sent %s\nwant %s", v.Only().Body, want)
					}
				})
			}
		}
	}
}

func TestRecorded_HostedToolsNeedAGrant(t *testing.T) {
	n := 0
	for _, c := range recordings(t) {
		if c.Grants == nil {
			continue
		}
		n++
		v := newVendor(t, ok)
		r := start(t, estateOf("a", []string{c.Model}, offer{Name: "one", URL: v.URL}))
		e := refused(t, r.Post(c.Path("openai"), string(c.Body)), 403, "no_eligible_offering")
		if len(e.Bulkhead.Reasons) != 1 || e.Bulkhead.Reasons[0].Offering != "one/m" || !strings.Contains(e.Bulkhead.Reasons[0].Why, "web_search") {
			t.Errorf("%s: reasons %+v", c.Name, e.Bulkhead.Reasons)
		}
		if len(v.Seen()) != 0 {
			t.Errorf("%s: the vendor was asked", c.Name)
		}
	}
	if n != 2 {
		t.Errorf("%d recordings with hosted tools, want 2", n)
	}
}
