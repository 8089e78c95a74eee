package responses_test

import (
	"bytes"
	"net/http"
	"strings"
	"testing"
	"time"

	"bulkhead/call"
	"bulkhead/chat"
	"bulkhead/dialect"
	"bulkhead/dialect/responses"
	"bulkhead/fault"
	"bulkhead/wire"
)

func TestFault_ClassifiesByStatusHeadersAndBody(t *testing.T) {
	limit := func(h ...string) http.Header {
		out := http.Header{}
		for i := 0; i < len(h); i += 2 {
			out.Set(h[i], h[i+1])
		}
		return out
	}
	const filter = `{"error":{"message":"filtered","type":null,"param":"prompt","code":"content_filter","innererror":{"code":"ResponsibleAIPolicyViolation"}}}`
	for _, row := range []struct {
		name   string
		status int
		h      http.Header
		body   string
		kind   fault.Kind
		final  bool
		after  time.Duration
		says   string // what the message holds of the vendor's
	}{
		{"context length", 400, nil, string(recorded(t, "error-400-context-length.json")), fault.UpstreamRefused, true, 0, "Your input exceeds the context window"},
		{"a bad parameter", 400, nil, string(recorded(t, "error-400-http.json")), fault.UpstreamRefused, true, 0, "Invalid 'temperature'"},
		{"Azure's filter", 400, nil, filter, fault.UpstreamRefused, true, 0, "filtered"},
		{"a page before the vendor", 400, nil, "<html>", fault.UpstreamRefused, true, 0, ""},
		{"our key", 401, nil, string(recorded(t, "error-401.json")), fault.UpstreamMisconfig, false, 0, ""},
		{"Azure's key", 401, nil, `{"error":{"code":"401","message":"Access denied"}}`, fault.UpstreamMisconfig, false, 0, ""},
		{"a quota", 429, limit("Retry-After", "1"), string(recorded(t, "error-json.json")), fault.UpstreamRateLimited, true, 0, ""},
		{"a limit", 429, limit("Retry-After-Ms", "1500", "Retry-After", "9"), `{"error":{"code":"rate_limit_exceeded","type":"tokens"}}`, fault.UpstreamRateLimited, false, 1500 * time.Millisecond, ""},
		{"a limit in seconds", 429, limit("Retry-After", "9"), ``, fault.UpstreamRateLimited, false, 9 * time.Second, ""},
		{"a limit with a date", 429, limit("Retry-After", "Mon, 02 Jan 2006 15:04:35 GMT", "Date", "Mon, 02 Jan 2006 15:04:05 GMT"), ``, fault.UpstreamRateLimited, false, 30 * time.Second, ""},
		{"no deployment", 404, nil, `{"error":{"code":"DeploymentNotFound"}}`, fault.UpstreamMisconfig, false, 0, ""},
		{"an item that is not kept", 404, nil, `{"error":{"message":"Item with id 'rs_1' not found. Items are not persisted when store is set to false.","type":"invalid_request_error","param":"input","code":null}}`, fault.UpstreamRefused, true, 0, "Item with id 'rs_1'"},
		{"too large", 413, nil, ``, fault.UpstreamRefused, true, 0, ""},
		{"out of time", 408, nil, ``, fault.UpstreamTimeout, false, 0, ""},
		{"a gateway out of time", 504, nil, ``, fault.UpstreamTimeout, false, 0, ""},
		{"down", 503, limit("Retry-After", "2"), ``, fault.UpstreamUnavailable, false, 2 * time.Second, ""},
		{"failing", 500, nil, `{"error":{"message":"secret"}}`, fault.UpstreamError, false, 0, ""},
	} {
		f := responses.Client{}.Fault(row.status, row.h, []byte(row.body))
		if f.Kind != row.kind || f.NoRetry != row.final || f.RetryAfter != row.after {
			t.Errorf("%s: got %s, final %v, after %v", row.name, f.Kind, f.NoRetry, f.RetryAfter)
		}
		if row.says != "" && !strings.Contains(f.Message, row.says) || row.says == "" && strings.Contains(f.Message, "secret") {
			t.Errorf("%s: says %q", row.name, f.Message)
		}
	}
	if f := (responses.Client{}).Fault(400, nil, recorded(t, "error-400-http.json")); f.Field != "temperature" {
		t.Errorf("the field is %q", f.Field)
	}
}

// What fails in a reply whose status is 200.
func TestReply_ThatFailedIsAFault(t *testing.T) {
	for body, kind := range map[string]fault.Kind{
		`{"status":"failed","error":{"code":"server_error","message":"x"},"output":[]}`: fault.UpstreamError,
		`{"status":"failed","error":{"code":"rate_limit_exceeded","message":"x"}}`:      fault.UpstreamRateLimited,
		`{"status":"failed","error":{"code":"invalid_image_format","message":"x"}}`:     fault.UpstreamRefused,
		`{"status":"failed","error":{"code":"insufficient_quota","message":"x"}}`:       fault.UpstreamRateLimited,
		`{"status":"failed"}`:      fault.UpstreamError,
		`{"status":"cancelled"}`:   fault.UpstreamError,
		`{"status":"queued"}`:      fault.UpstreamError,
		`{"status":"in_progress"}`: fault.UpstreamError,
		`{"status":"telepathic"}`:  fault.UpstreamError,
		`[]`:                       fault.UpstreamError,
		`{`:                        fault.UpstreamError,
		`{"status":"completed","output":[{"type":"function_call","call_id":"c","arguments":"{}"}]}`: fault.UpstreamError,
	} {
		r, err := responses.Client{}.Reply([]byte(body), new(wire.Scanner), openai)
		if err == nil || fault.From(err).Kind != kind {
			t.Errorf("%s: got %v, %v, want %s", body, r, err, kind)
		}
	}
}

func TestDecode_NamesWhatIsMalformed(t *testing.T) {
	for body, field := range map[string]string{
		`{"input":[{"type":"function_call","name":7}]}`:                          "input[0].name",
		`{"input":[{"role":"user","content":[{"type":"input_text","text":7}]}]}`: "input[0].content[0].text",
		`{"text":{"format":{"type":7}}}`:                                         "text.format.type",
		`{"metadata":{"a":7}}`:                                                   "metadata.a",
		`{"tools":[{"type":"function","strict":"yes"}]}`:                         "tools[0].strict",
		`{"tool_choice":{"type":"function","name":7}}`:                           "tool_choice.name",
		`{"input":[{"role":"oracle","content":"x"}]}`:                            "input[0].role",
		`{"input":[{"type":"message","content":"x"}]}`:                           "input[0].role",
		`{"text":{"format":{"type":"xml"}}}`:                                     "text.format.type",
		`{"tool_choice":"sometimes"}`:                                            "tool_choice",
		`{"input":[{"role":"user","content":[{"type":"input_image","image_url":"data:image/svg+xml,<svg/>"}]}]}`: "input[0].content[0].image_url",
		`{"input":[{"role":"user","content":[{"type":"odd"}]}]}`:                                                 "input[0].content[0].type",
	} {
		_, err := responses.Server{}.Decode(&dialect.Inbound{Action: call.Chat, Body: []byte(body)}, new(wire.Scanner))
		f := fault.From(err)
		if err == nil || f.Kind != fault.Malformed && f.Kind != fault.Unsupported || f.Field != field || !f.NoRetry || strings.Contains(f.Message, "svg") {
			t.Errorf("%s: got %v at %q, want %s", body, err, f.Field, field)
		}
	}
}

// sse frames events, each a line of JSON.
func sse(data ...string) []byte {
	var b bytes.Buffer
	for _, d := range data {
		b.WriteString("data: " + d + "\n\n")
	}
	return b.Bytes()
}

const (
	created   = `{"type":"response.created","response":{"id":"resp_1","status":"in_progress"}}`
	completed = `{"type":"response.completed","response":{"id":"resp_1","status":"completed","output":[],"usage":{"input_tokens":3,"output_tokens":1,"total_tokens":9}}}`
)

func TestStream_TellsWhatTheVendorFailedOf(t *testing.T) {
	for name, row := range map[string]struct {
		stream []byte
		kind   fault.Kind
	}{
		"flat":      {sse(created, `{"type":"error","code":"server_error","message":"x","param":null,"sequence_number":1}`), fault.UpstreamError},
		"nested":    {sse(created, `{"type":"error","error":{"type":"tokens","code":"rate_limit_exceeded","message":"x"}}`), fault.UpstreamRateLimited},
		"no type":   {sse(created, `{"error":{"type":"invalid_request_error","message":"x"}}`), fault.UpstreamRefused},
		"by name":   {append(sse(created), "event: error\ndata: {\"message\":\"x\"}\n\n"...), fault.UpstreamError},
		"at once":   {sse(`{"error":{"code":"insufficient_quota","message":"x"}}`), fault.UpstreamRateLimited},
		"failed":    {sse(created, `{"type":"response.failed","response":{"status":"failed","error":{"code":"server_error","message":"x"}}}`), fault.UpstreamError},
		"unsaid":    {sse(created, `{"type":"response.failed"}`), fault.UpstreamError},
		"cancelled": {sse(created, `{"type":"response.cancelled","response":{"status":"cancelled"}}`), fault.UpstreamError},
	} {
		events, err := decode(t, bytes.NewReader(append(row.stream, sse(completed)...)))
		if err != nil || len(events) == 0 {
			t.Errorf("%s: %v", name, err)
			continue
		}
		last := events[len(events)-1]
		if last.Kind != chat.Fail || last.Fault.Kind != row.kind {
			t.Errorf("%s: ends in %v with %v", name, last.Kind, last.Fault)
		}
	}
}

// Streams as servers of all kinds send them are whole replies.
func TestStream_ReadsWhatServersSend(t *testing.T) {
	item := func(i, rest string) string {
		return `{"type":"response.output_item.added","output_index":` + i + `,"item":` + rest + `}`
	}
	done := func(i, rest string) string {
		return `{"type":"response.output_item.done","output_index":` + i + `,"item":` + rest + `}`
	}
	const msg = `{"type":"message","id":"m","role":"assistant","content":[{"type":"output_text","text":"hi","annotations":[]}]}`
	text := func(s string) string {
		return `{"type":"response.output_text.delta","output_index":0,"content_index":0,"delta":"` + s + `"}`
	}
	callOf := func(id, args string) string {
		return `{"type":"function_call","id":"f` + id + `","call_id":"` + id + `","name":"f","arguments":"` + args + `"}`
	}
	args := func(i, s string) string {
		return `{"type":"response.function_call_arguments.delta","output_index":` + i + `,"delta":"` + s + `"}`
	}
	for _, row := range []struct {
		name   string
		stream []byte
		want   string // parts of the reply
	}{
		{"no created", sse(item("0", `{"type":"message","id":"m"}`), text("hi"), completed), `text hi`},
		{"no part events", sse(created, item("0", `{"type":"message","id":"m"}`), text("h"), text("i"), done("0", msg), completed), `text hi`},
		{"no deltas", sse(created, item("0", `{"type":"message","id":"m"}`), done("0", msg), completed), `text hi`},
		{"nothing but the end of the item", sse(created, done("0", msg), completed), `text hi`},
		{"nothing but the end", sse(created, strings.Replace(completed, `"output":[]`, `"output":[`+msg+`]`, 1)), `text hi`},
		{"no end of the item", sse(created, item("0", `{"type":"message","id":"m"}`), text("hi"), completed), `text hi`},
		{"arguments whole", sse(created, item("0", callOf("a", "")), done("0", callOf("a", "{}")), completed), `call a {}`},
		{"arguments with the item", sse(created, done("0", callOf("a", "{}")), completed), `call a {}`},
		{"a name at the end", sse(created, item("0", `{"type":"function_call","call_id":"a","name":""}`), args("0", "{}"), done("0", callOf("a", "{}")), completed), `call a {}`},
		{"indices from one", sse(created, item("1", callOf("a", "")), args("1", "{}"), done("1", callOf("a", "{}")), completed), `call a {}`},
		{"indices of nothing but zeros", sse(created, item("0", callOf("a", "")), args("0", "{}"), done("0", callOf("a", "{}")), item("0", callOf("b", "")), args("0", "[]"), done("0", callOf("b", "[]")), completed), `call a {} call b []`},
		{"calls that interleave", sse(created, item("0", callOf("a", "")), item("1", callOf("b", "")), args("1", "[1"), args("0", "{"), args("1", "]"), done("1", callOf("b", "[1]")), args("0", "}"), done("0", callOf("a", "{}")), completed), `call a {} call b [1]`},
		{"three that interleave", sse(created, item("0", callOf("a", "")), item("1", callOf("b", "")), item("2", callOf("c", "")), done("0", callOf("a", "{}")), done("2", callOf("c", "3")), done("1", callOf("b", "2")), completed), `call a {} call b 2 call c 3`},
		{"the same id twice", sse(created, done("0", callOf("a", "1")), done("1", callOf("a", "2")), completed), `call a 1 call call_nbwugf7wk2ld3l4rmqrtzjbg 2`},
		{"a comment and a queue", append([]byte(": hi\n\n"), sse(`{"type":"response.queued","response":{"id":"r"}}`, created, done("0", msg), completed)...), `text hi`},
		{"steps of a hosted tool", sse(created, item("0", `{"type":"web_search_call","id":"w"}`), `{"type":"response.web_search_call.searching","output_index":0}`, done("0", `{"type":"web_search_call","id":"w","action":{}}`), completed), `native web_search_call`},
		{"half of a pair", sse(created, item("0", `{"type":"message","id":"m"}`), text(`\ud83d`), completed), `text \ud83d`},
		{"reasoning, older event", sse(created, item("0", `{"type":"reasoning","id":"r"}`), `{"type":"response.reasoning.delta","output_index":0,"content_index":0,"delta":"hm"}`, done("0", `{"type":"reasoning","id":"r","encrypted_content":"E"}`), completed), `reasoning hm E`},
		{"two summaries and state", sse(created, item("0", `{"type":"reasoning","id":"r"}`), done("0", `{"type":"reasoning","id":"r","summary":[{"type":"summary_text","text":"a"},{"type":"summary_text","text":"b"}],"encrypted_content":"E"}`), completed), `summary a summary b E`},
		{"odd parts", sse(created, done("0", `{"type":"message","role":"assistant","content":[{"type":"output_audio","data":"x"}]}`), completed), `native message`},
	} {
		events, err := decode(t, bytes.NewReader(row.stream))
		if err != nil {
			t.Errorf("%s: %v", row.name, err)
			continue
		}
		var f chat.Folder
		for i := range events {
			if err := f.Add(&events[i]); err != nil {
				t.Fatal(row.name, err)
			}
		}
		r, err := f.Reply()
		if err != nil {
			t.Errorf("%s: %v", row.name, err)
			continue
		}
		if got := brief(r); got != row.want {
			t.Errorf("%s: got %q, want %q", row.name, got, row.want)
		}
		if r.Usage == nil || r.Usage.Input != 3 || r.Usage.Output != 6 { // the total knows more
			t.Errorf("%s: usage %+v", row.name, r.Usage)
		}
	}
}

// brief is what a reply says, in a line.
func brief(r *chat.Reply) string {
	var out []string
	for _, p := range r.Choices[0].Parts {
		switch x := p.Content.(type) {
		case chat.Text:
			out = append(out, "text "+x.Text)
		case chat.ToolCall:
			out = append(out, "call "+x.ID+" "+x.Arguments)
		case chat.Native:
			out = append(out, "native "+x.Type)
		case chat.Reasoning:
			out = append(out, map[bool]string{true: "summary ", false: "reasoning "}[x.Summary]+x.Text)
		}
		if p.State != nil {
			out = append(out, p.State.Blob)
		}
	}
	return strings.Join(out, " ")
}

// What cannot be a whole reply is none.
func TestStream_RefusesHalfAnswers(t *testing.T) {
	open := `{"type":"response.output_item.added","output_index":1,"item":{"type":"function_call","call_id":"b","name":"f"}}`
	for name, stream := range map[string][]byte{
		"nothing":              nil,
		"only a comment":       []byte(": hi\n\n"),
		"done without an end":  append(sse(created), "data: [DONE]\n\n"...),
		"an end not whole":     bytes.TrimSuffix(sse(created, completed), []byte("\n\n")),
		"an item not whole":    sse(created, strings.Replace(open, ":1", ":0", 1), open, completed),
		"no JSON":              sse(created, `{"type":`),
		"a list":               sse(created, `[]`),
		"a reply that is none": sse(`{"type":"response.created","response":[]}`),
		"queued at its end":    sse(created, `{"type":"response.completed","response":{"status":"queued"}}`),
	} {
		events, err := decode(t, bytes.NewReader(stream))
		if err == nil || fault.From(err).Kind != fault.UpstreamError {
			t.Errorf("%s: got %v after %d events", name, err, len(events))
		}
	}
	d := responses.Client{}.Stream(openai)
	d.Reset(bytes.NewReader(sse(`{"type":"response.output_text.delta","delta":"`+strings.Repeat("x", 5000)+`"}`)), make([]byte, 64), 1000)
	if _, err := read(t, d); err == nil {
		t.Error("a frame over the limit is read")
	}
	big := `{"type":"response.output_item.done","output_index":7,"item":{"type":"x","y":"` + strings.Repeat("x", 400) + `"}}`
	held := [][]byte{sse(created, strings.Replace(open, ":1", ":0", 1))}
	for range 5 {
		held = append(held, sse(big))
	}
	d.Reset(bytes.NewReader(bytes.Join(held, nil)), nil, 1000)
	if _, err := read(t, d); fault.From(err).Kind != fault.UpstreamError || !strings.Contains(err.Error(), "holds back") {
		t.Errorf("items are held without bound: %v", err)
	}
}
