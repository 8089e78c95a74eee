package gemini_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"bulkhead/chat"
	"bulkhead/chat/chattest"
	"bulkhead/dialect"
	"bulkhead/dialect/gemini"
	"bulkhead/fault"
	"bulkhead/wire"
)

// sse frames chunks as the vendor does.
func sse(chunks ...string) []byte {
	return []byte("data: " + strings.Join(chunks, "\r\n\r\ndata: ") + "\r\n\r\n")
}

// said is one candidate's parts.
func said(parts string) string { return `{"candidates":[{"content":{"parts":[` + parts + `]}}]}` }

const stop = `{"candidates":[{"finishReason":"STOP"}]}`

// fold decodes a stream and folds it.
func fold(b []byte) (*chat.Reply, error) {
	var f chat.Folder
	if _, err := drain(gemini.Client{}.Stream(api), bytes.NewReader(b), f.Add); err != nil {
		return nil, err
	}
	return f.Reply()
}

func TestStream_ATruncatedOneIsAnError(t *testing.T) {
	whole := recorded(t, "stream-text.sse")
	array := encode(t, &dialect.Answering{Array: true}, events(t, bytes.NewReader(whole)))
	for _, b := range [][]byte{whole, array} {
		if _, err := fold(b); err != nil {
			t.Fatal(err)
		}
		for n := range bytes.TrimRight(b, "\r\n") {
			if _, err := fold(b[:n]); kindOf(err) != fault.UpstreamError {
				t.Fatalf("cut after %d of %d bytes: %v", n, len(b), err)
			}
		}
	}
	for name, b := range map[string][]byte{
		"no finish":                sse(said(`{"text":"a"}`)),
		"one of two finished":      sse(`{"candidates":[{"index":0,"finishReason":"STOP"},{"index":1,"content":{"parts":[{"text":"a"}]}}]}`),
		"a choice that never came": sse(`{"candidates":[{"index":1,"finishReason":"STOP"}]}`),
		"no candidates":            sse(`{"usageMetadata":{"promptTokenCount":1}}`),
		"no JSON":                  sse(`{"candidates":`),
		"no object":                sse(`[]`),
		"comments alone":           []byte(": hello\n\n"),
		"text after the array":     []byte("[" + stop + "] x"),
		"an array of texts":        []byte(`["a"]`),
		"nothing":                  nil,
		"white space":              []byte(" \n"),
	} {
		if r, err := fold(b); kindOf(err) != fault.UpstreamError {
			t.Errorf("%s: %v, %+v", name, err, r)
		}
	}
	d := gemini.Client{}.Stream(api)
	if _, err := drain(d, io.MultiReader(bytes.NewReader(whole[:50]), failing{}), func(*chat.Event) error { return nil }); !errors.Is(err, errBroken) {
		t.Errorf("a source that breaks: %v", err)
	}
	d.Reset(bytes.NewReader(sse(said(`{"text":"`+strings.Repeat("a", 5000)+`"}`))), nil, 1024)
	var err error
	for range 100 {
		if err = d.Fill(); err != nil {
			break
		}
	}
	if !errors.Is(err, wire.ErrEventTooLarge) {
		t.Errorf("a frame over the limit: %v", err)
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errBroken }

func TestStream_AnErrorWithinIsTheVendorsFailure(t *testing.T) {
	const e = `{"error":{"code":503,"message":"overloaded","status":"UNAVAILABLE"}}`
	first := string(sse(said(`{"text":"a"}`)))
	for name, b := range map[string]string{
		"in an event":            first + "data: " + e + "\r\n\r\n",
		"bare":                   first + e + "\r\n\r\n",
		"bare at the end":        first + e,
		"bare, on several lines": first + "{\n \"error\": {\n  \"code\": 503, \"status\": \"UNAVAILABLE\"\n }\n}\n",
		"the first thing":        "data: " + e + "\n\n",
		"bare, the first thing":  e,
		"in an array":            "[" + said(`{"text":"a"}`) + ",\r\n" + e + "]",
		"in a cut array":         "[" + said(`{"text":"a"}`) + ",\r\n" + e,
		"with more behind it":    first + "data: " + e + "\n\n" + string(sse(stop)),
	} {
		var last chat.Event
		keep := func(e *chat.Event) error { last = e.Clone(); return nil }
		_, err := drain(gemini.Client{}.Stream(api), strings.NewReader(b), chat.Checked(keep))
		if err != nil || last.Kind != chat.Fail || last.Fault.Kind != fault.UpstreamUnavailable {
			t.Errorf("%s: %v, last %v", name, err, last.Kind)
		}
	}
}

func TestStream_ReadsWhatTheVendorSends(t *testing.T) {
	sig := func(blob string) *chat.State {
		return &chat.State{Kind: chat.ThoughtSig, Blob: blob, Minter: "google"}
	}
	for _, tt := range []struct {
		name   string
		stream []byte
		parts  []chat.Part
		reason chat.Reason
	}{
		{"line ends of every kind", []byte("data: " + said(`{"text":"a"}`) + "\n\ndata: " + said(`{"text":"b"}`) + "\r\rdata: " + stop + "\r\n\r\n"), []chat.Part{chat.Say("ab")}, chat.ReasonStop},
		{"an end marker of a compatible server", []byte(string(sse(said(`{"text":"a"}`), stop)) + "data: [DONE]\n\n"), []chat.Part{chat.Say("a")}, chat.ReasonStop},
		{"an array", []byte("[" + said(`{"text":"a]}\"["}`) + "\n,\r\n" + stop + "\n]\n"), []chat.Part{chat.Say(`a]}"[`)}, chat.ReasonStop},
		{"snake case", sse(`{"candidates":[{"content":{"parts":[{"function_call":{"name":"f","args":{}},"thought_signature":"AA"}]},"finish_reason":"STOP"}]}`),
			[]chat.Part{{Content: chat.ToolCall{ID: "call_ge_", Name: "f", Arguments: "{}"}, State: sig("AA")}}, chat.ReasonTool},
		{"a finish before the last text, and again", sse(`{"candidates":[{"content":{"parts":[{"text":"a"}]},"finishReason":"STOP"}]}`, said(`{"text":"b"}`), stop), []chat.Part{chat.Say("ab")}, chat.ReasonStop},
		{"a signature behind its text", sse(said(`{"text":"a"}`), said(`{"text":"","thoughtSignature":"AA"}`), said(`{"text":"b"}`), stop),
			[]chat.Part{{Content: chat.Text{Text: "a"}, State: sig("AA")}, chat.Say("b")}, chat.ReasonStop},
		{"a signature with its text", sse(said(`{"text":"a"}`), said(`{"text":"b","thoughtSignature":"AA"}`), stop),
			[]chat.Part{chat.Say("a"), {Content: chat.Text{Text: "b"}, State: sig("AA")}}, chat.ReasonStop},
		{"a signature alone", sse(said(`{"thoughtSignature":"AA"}`), stop), []chat.Part{{Content: chat.Text{}, State: sig("AA")}}, chat.ReasonStop},
		{"thoughts and text", sse(said(`{"text":"t","thought":true},{"text":"a"}`), stop), []chat.Part{{Content: chat.Reasoning{Text: "t", Summary: true}}, chat.Say("a")}, chat.ReasonStop},
		{"the limit after a call", sse(said(`{"functionCall":{"id":"x","name":"f"}}`), `{"candidates":[{"finishReason":"MAX_TOKENS"}]}`), []chat.Part{{Content: chat.ToolCall{ID: "x", Name: "f", Arguments: "{}"}}}, chat.ReasonLength},
		{"one id twice", sse(said(`{"functionCall":{"id":"x","name":"f","args":{}}},{"functionCall":{"id":"x","name":"f","args":{}}}`), stop),
			[]chat.Part{{Content: chat.ToolCall{ID: "x", Name: "f", Arguments: "{}"}}, {Content: chat.ToolCall{ID: "call_ge_", Name: "f", Arguments: "{}"}}}, chat.ReasonTool},
		{"an image", sse(said(`{"inlineData":{"mimeType":"image/png","data":"AA\/A"}}`), stop), []chat.Part{{Content: chat.Media{Medium: chat.Image, Type: "image/png", Data: "AA/A"}}}, chat.ReasonStop},
		{"code that was run", sse(said(`{"executableCode":{"code":"1"}},{"codeExecutionResult":{"output":"2"}}`), stop),
			[]chat.Part{{Content: chat.Native{Dialect: "gemini", Type: "executableCode", Value: chat.Raw(`{"code":"1"}`)}}, {Content: chat.Native{Dialect: "gemini", Type: "codeExecutionResult", Value: chat.Raw(`{"output":"2"}`)}}}, chat.ReasonStop},
		{"a word that is not known", sse(`{"candidates":[{"content":{"parts":[{"text":"a"}]},"finishReason":"BRAND_NEW"}]}`), []chat.Part{chat.Say("a")}, chat.ReasonStop},
		{"a call that is malformed", sse(`{"candidates":[{"finishReason":"MALFORMED_FUNCTION_CALL"}]}`), nil, chat.ReasonBroken},
		{"a prompt that is blocked", sse(`{"promptFeedback":{"blockReason":"SAFETY"}}`), nil, chat.ReasonFilter},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, err := fold(tt.stream)
			if err != nil {
				t.Fatal(err)
			}
			for i := range r.Choices[0].Parts { // ids that are made are known by their beginning
				if c, ok := r.Choices[0].Parts[i].Content.(chat.ToolCall); ok && strings.HasPrefix(c.ID, "call_ge_") {
					c.ID = c.ID[:8]
					r.Choices[0].Parts[i].Content = c
				}
			}
			chattest.Equal(t, &chat.Reply{Choices: []chat.Choice{{Parts: r.Choices[0].Parts}}}, &chat.Reply{Choices: []chat.Choice{{Parts: tt.parts}}})
			if got := r.Choices[0].Ending.Reason; got != tt.reason {
				t.Errorf("it ends with %s, want %s", got, tt.reason)
			}
		})
	}
}

func TestStream_PutsArgumentsThatComeInPiecesTogether(t *testing.T) {
	piece := func(entries string, more bool) string {
		if more {
			return said(`{"functionCall":{"partialArgs":[` + entries + `],"willContinue":true}}`)
		}
		return said(`{"functionCall":{"partialArgs":[` + entries + `]}}`)
	}
	begin := said(`{"functionCall":{"name":"f","willContinue":true},"thoughtSignature":"AA"}`)
	for _, tt := range []struct {
		name   string
		chunks []string
		want   string
	}{
		{"none", []string{said(`{"functionCall":{}}`)}, `{}`},
		{"a string in three", []string{piece(`{"jsonPath":"$.a","stringValue":"x\"","willContinue":true}`, true), piece(`{"jsonPath":"$.a","stringValue":"é","willContinue":true}`, true), piece(`{"jsonPath":"$.a","stringValue":""}`, false)}, `{"a":"x\"é"}`},
		{"every kind", []string{piece(`{"jsonPath":"$.n","numberValue":1.50},{"jsonPath":"$.b","boolValue":true},{"jsonPath":"$.z","nullValue":null}`, false)}, `{"n":1.50,"b":true,"z":null}`},
		{"nested", []string{piece(`{"jsonPath":"$.o.l[0].x","stringValue":"1"},{"jsonPath":"$.o.l[1]","numberValue":2}`, true), piece(`{"jsonPath":"$['o p']['q']","boolValue":false}`, false)}, `{"o":{"l":[{"x":"1"},2]},"o p":{"q":false}}`},
		{"ended by the end", nil, `{}`},
		{"ended by the next call", []string{piece(`{"jsonPath":"$.a","numberValue":1}`, true), said(`{"functionCall":{"name":"g"}}`)}, `{"a":1}`},
		{"ended by a text", []string{piece(`{"jsonPath":"$.a","numberValue":1}`, true), said(`{"text":"x"}`)}, `{"a":1}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, err := fold(sse(append(append([]string{begin}, tt.chunks...), stop)...))
			if err != nil {
				t.Fatal(err)
			}
			p := r.Choices[0].Parts[0]
			if c := p.Content.(chat.ToolCall); c.Arguments != tt.want || c.Name != "f" || p.State == nil {
				t.Errorf("got %+v, want %s", p, tt.want)
			}
		})
	}
	for name, entries := range map[string]string{
		"no place":             `{"stringValue":"x"}`,
		"a place past the end": `{"jsonPath":"$.a[1]","stringValue":"x"}`,
		"two things":           `{"jsonPath":"$.a","stringValue":"x"},{"jsonPath":"$.a.b","stringValue":"x"}`,
		"a number twice":       `{"jsonPath":"$.a","numberValue":1},{"jsonPath":"$.a","numberValue":1}`,
		"a path that is none":  `{"jsonPath":"a","stringValue":"x"}`,
		"a root":               `{"jsonPath":"$","stringValue":"x"}`,
		"a depth":              `{"jsonPath":"$` + strings.Repeat(".a", 65) + `","stringValue":"x"}`,
	} {
		if _, err := fold(sse(begin, piece(entries, false), stop)); kindOf(err) != fault.UpstreamError {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestStream_EncoderHoldsBackTheEnd: nothing says that a reply is whole before
// Tail, and after a failure nothing does.
func TestStream_EncoderHoldsBackTheEnd(t *testing.T) {
	list := events(t, bytes.NewReader(recorded(t, "stream-tool-call-gemini3.sse")))
	for _, array := range []bool{false, true} {
		enc := gemini.Server{}.Stream(&dialect.Answering{Array: array, Call: "01CALL"})
		var out []byte
		for i := range list {
			before := len(out)
			out, _ = enc.Event(out, &list[i])
			if list[i].Kind != chat.Stop && len(out) > before {
				t.Errorf("a %s is written before its part is whole: %s", list[i].Kind, out)
			}
		}
		if bytes.Contains(out, []byte("finishReason")) || bytes.Contains(out, []byte("promptTokenCount")) {
			t.Errorf("the end is not held back: %s", out)
		}
		if got := enc.KeepAlive(nil); len(got) > 0 {
			t.Errorf("a keep-alive that breaks the vendor's SDKs: %q", got)
		}
		whole := enc.Tail(bytes.Clone(out))
		if _, err := fold(whole); err != nil {
			t.Errorf("%v: %s", err, whole)
		}
		if again := enc.Tail(nil); len(again) > 0 {
			t.Errorf("a second tail: %s", again)
		}
	}
	for _, array := range []bool{false, true} {
		for n := range list {
			enc := gemini.Server{}.Stream(&dialect.Answering{Array: array, Call: "01CALL"})
			var out []byte
			for i := range list[:n] {
				out, _ = enc.Event(out, &list[i])
			}
			out = enc.Fail(out, fault.New(fault.UpstreamTimeout, "Too slow."))
			if tail := enc.Tail(nil); len(tail) > 0 {
				t.Errorf("a tail after a failure: %s", tail)
			}
			if array {
				l := tree(t, out).([]any)
				sameJSON(t, l[len(l)-1].(map[string]any)["error"].(map[string]any)["status"], "DEADLINE_EXCEEDED")
			} else if last := bytes.Split(bytes.TrimRight(out, "\r\n"), []byte("\r\n\r\n")); !bytes.HasPrefix(last[len(last)-1], []byte(`{"error":{"code":504`)) {
				t.Errorf("the error is no bare object: %s", out)
			}
			if _, err := fold(out); kindOf(err) != fault.UpstreamTimeout {
				t.Errorf("read again it is %v: %s", err, out)
			}
		}
	}
}

// TestStream_FramesKeepToTheSDKsRules: every piece begins with "data: " and is
// one line of JSON.
func TestStream_FramesKeepToTheSDKsRules(t *testing.T) {
	reply := &chat.Reply{Choices: []chat.Choice{{
		Parts: []chat.Part{
			chat.Say("a\r\nb\u2028"), {Content: chat.ToolCall{ID: "c", Name: "f", Arguments: "{\r\n \"a\":\n 1}"}},
			{Content: chat.Native{Dialect: "gemini", Type: "executableCode", Value: chat.Raw("{\n}")}},
		},
		Ending: chat.Ending{Reason: chat.ReasonTool, Extra: chat.Extra{{Dialect: "gemini", Name: "safetyRatings", Value: chat.Raw("[\n]")}}},
	}}}
	var list []chat.Event
	if err := chat.Events(reply, func(e *chat.Event) error { list = append(list, clone(e)); return nil }); err != nil {
		t.Fatal(err)
	}
	out := encode(t, &dialect.Answering{Call: "01CALL", Model: "alias"}, list)
	pieces := strings.Split(strings.TrimSuffix(string(out), "\r\n\r\n"), "\r\n\r\n")
	if len(pieces) != 4 {
		t.Errorf("%d pieces: %q", len(pieces), out)
	}
	for _, p := range pieces {
		data, ok := strings.CutPrefix(p, "data: ")
		if !ok || strings.ContainsAny(data, "\r\n") {
			t.Errorf("a piece %q", p)
		}
		m := tree(t, []byte(data)).(map[string]any)
		if m["responseId"] != "01CALL" || m["modelVersion"] != "alias" {
			t.Errorf("a chunk does not say which reply it is of: %s", data)
		}
	}
}

// TestStream_ADeltaAllocatesNothing in either direction.
func TestStream_ADeltaAllocatesNothing(t *testing.T) {
	chunk := []byte(`data: {"candidates": [{"content": {"parts": [{"text": "some \"text\" of a reply"}],"role": "model"},"index": 0,"safetyRatings":[{"category":"X"}]}],"usageMetadata": {"promptTokenCount": 18,"candidatesTokenCount": 31,"totalTokenCount": 84,"promptTokensDetails": [{"modality": "TEXT","tokenCount": 18}],"thoughtsTokenCount": 35,"serviceTier": "standard","trafficType":"ON_DEMAND"},"modelVersion": "gemini-2.5-flash","responseId": "ru1garvBEoOiqtsP2fznmQw"}` + "\r\n\r\n")
	d := gemini.Client{}.Stream(api)
	d.Reset(&endless{b: chunk}, make([]byte, 4096), 1<<20)
	enc := gemini.Server{}.Stream(&dialect.Answering{})
	out := make([]byte, 0, 4096)
	deltas := 0
	emit := func(e *chat.Event) error {
		if e.Kind == chat.Delta {
			deltas++
		}
		var err error
		out, err = enc.Event(out[:0], e)
		return err
	}
	step := func() {
		if err := d.Fill(); err != nil {
			t.Fatal(err)
		}
		for {
			if frame, err := d.Next(emit); err != nil {
				t.Fatal(err)
			} else if frame == nil {
				return
			}
		}
	}
	for range 3 {
		step()
	}
	if n := testing.AllocsPerRun(200, step); n > 0 {
		t.Errorf("%v allocations a chunk", n)
	}
	if deltas < 200 || !bytes.Contains(out, []byte(`some \"text\" of`)) {
		t.Errorf("%d deltas, the last %s", deltas, out)
	}
}

// endless gives the same bytes at each read.
type endless struct{ b []byte }

func (e *endless) Read(to []byte) (int, error) { return copy(to, e.b), nil }
