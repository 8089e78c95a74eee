package gemini_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"bulkhead/call"
	"bulkhead/chat"
	"bulkhead/chat/chattest"
	"bulkhead/dialect"
	"bulkhead/dialect/gemini"
	"bulkhead/fault"
	"bulkhead/wire"
)

var actions = []call.Action{call.Chat, call.CountTokens, call.Embeddings}

// FuzzRequest: nothing panics; what the gates take is JSON to others too; what
// is relayed differs in nothing but the written list; what is decoded has a
// canonical form, and what is encoded is read again.
func FuzzRequest(f *testing.F) {
	for _, body := range metas(f) {
		f.Add([]byte(body), uint8(0), "gemini-x")
	}
	for _, body := range []string{`{"model":"models/m","store":true,"tools":[{"googleSearch":{}}]}`, `{"requests":[{"model":"models/m","content":{"parts":[{"text":"a"}]}}]}`, `{"content":{"parts":[{"text":"a"}]}}`,
		`{"generateContentRequest":{"model":"models/m","contents":[{"role":"model","parts":[{"functionCall":{"name":"f"}}]},{"parts":[{"functionResponse":{"name":"f","response":{"result":"x"}}}]}]}}`,
		`{"generation_config":{"response_schema":{"type":"OBJECT","anyOf":[{"ref":"x"}],"nullable":true},"candidateCount":"2"}}`} {
		for i := range actions {
			f.Add([]byte(body), uint8(i), "m")
		}
	}
	f.Fuzz(func(t *testing.T, body []byte, action uint8, model string) {
		in := inbound(actions[int(action)%len(actions)], "m", false, body)
		r, err := gemini.Reader{}.Read(in, new(wire.Scanner), dialect.Listener{Text: func([]byte) {}, Name: func([]byte) {}})
		if err != nil {
			var known *fault.Fault
			if !errors.As(err, &known) || known.Kind != fault.Malformed && known.Kind != fault.Unsupported {
				t.Fatalf("refused with %v", err)
			}
			return
		}
		var was map[string]any
		if err := json.Unmarshal(body, &was); err != nil {
			t.Fatalf("the standard library refuses what is taken: %v", err)
		}
		if strings.ToValidUTF8(model, "") == model {
			to := &dialect.Upstream{Model: model}
			sent := r.Relay(to).Body
			out := sent.Append(nil)
			if len(out) != sent.Len() {
				t.Errorf("Len %d, %d bytes", sent.Len(), len(out))
			}
			var is map[string]any
			if err := json.Unmarshal(out, &is); err != nil {
				t.Fatalf("what is relayed is no JSON: %v: %q", err, out)
			}
			for _, name := range []string{"model", "store", "generateContentRequest", "generate_content_request", "requests"} {
				delete(was, name)
				delete(is, name)
			}
			if !reflect.DeepEqual(is, was) {
				t.Errorf("relayed %q\nof %q", out, body)
			}
		}
		if in.Action == call.Embeddings {
			if e, err := (gemini.Server{}).DecodeEmbed(in, new(wire.Scanner)); err == nil {
				for _, to := range []*dialect.Upstream{api, onVertex} {
					if out, err := (gemini.Client{}).EncodeEmbed(e, to, losses("inputs[].tokens")); err == nil && !json.Valid(out.Body) {
						t.Errorf("no JSON: %q", out.Body)
					}
				}
			}
			return
		}
		c, err := gemini.Server{}.Decode(in, new(wire.Scanner))
		if err != nil {
			return
		}
		if _, err := chat.Marshal(c); err != nil {
			t.Fatalf("no canonical form: %v", err)
		}
		for _, to := range []*dialect.Upstream{api, budgeted, onVertex} {
			out, err := gemini.Client{}.Encode(c, to, losses())
			if err != nil {
				continue
			}
			if !json.Valid(out.Body) {
				t.Fatalf("what is encoded is no JSON: %q", out.Body)
			}
		}
	})
}

// FuzzStream: nothing panics, events are legal, memory is bounded by what
// came, frames are the bytes that came; and what is read can be written and
// read again.
func FuzzStream(f *testing.F) {
	for _, file := range streams(f) {
		f.Add(recorded(f, file), uint16(100))
	}
	for _, s := range []string{"[" + stop + "]", `[{"candidates":[{"content":{"parts":[{"text":"a"}]}}]},` + "\r\n" + stop + "]", `{"error":{"code":500}}`, "data: [DONE]\n\n"} {
		f.Add([]byte(s), uint16(3))
	}
	for _, file := range unaries {
		f.Add(recorded(f, file), uint16(7))
	}
	f.Fuzz(func(t *testing.T, b []byte, size uint16) {
		var check chat.Checker
		var list []chat.Event
		held := 0
		emit := func(e *chat.Event) error {
			if err := check.Check(e); err != nil {
				t.Fatalf("an event that may not come: %v", err)
			}
			held += len(e.Bytes)
			list = append(list, clone(e))
			return nil
		}
		frames, err := drain(gemini.Client{}.Stream(api), &pieces{b, []int{int(size)}}, emit)
		if !bytes.HasPrefix(b, frames) && !bytes.HasPrefix(bytes.TrimLeft(b, " \t\r\n"), frames) {
			t.Errorf("frames %q of %q", frames, b)
		}
		if held > 4*len(b)+1024 {
			t.Errorf("%d bytes of %d", held, len(b))
		}
		if err == nil && len(list) > 0 && list[len(list)-1].Kind == chat.End {
			for _, array := range []bool{false, true} {
				again := encode(t, &dialect.Answering{Array: array}, list)
				back, err := fold(again)
				if err != nil {
					t.Fatalf("written again it is %v: %q", err, again)
				}
				want, err := chattest.Fold(list)
				if err != nil {
					t.Fatal(err)
				}
				if got := len(back.Choices); got != len(want.Choices) {
					t.Errorf("%d choices, %d before: %q", got, len(want.Choices), again)
				}
			}
		}
		r, err := gemini.Client{}.Reply(b, new(wire.Scanner), api)
		if err != nil {
			return
		}
		if _, err := chat.Marshal(r); err != nil {
			t.Fatalf("no canonical form: %v", err)
		}
		out, err := gemini.Server{}.Reply(nil, r, &dialect.Answering{})
		if err != nil || !json.Valid(out) {
			t.Fatalf("%v: %q", err, out)
		}
	})
}

// FuzzOther: errors, counts and vectors of any bytes are judged, and never
// panic.
func FuzzOther(f *testing.F) {
	for _, s := range []string{"error-400-auth.json", "error-429-body.json"} {
		f.Add(recorded(f, s))
	}
	for _, s := range []string{`{"totalTokens":3}`, `{"embedding":{"values":[1]}}`, `{"predictions":[{"embeddings":{"values":[1],"statistics":{"token_count":4}}}]}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if x := (gemini.Client{}).Fault(400, nil, b); x == nil || x.Kind == "" {
			t.Error("no fault")
		}
		if u, err := (gemini.Client{}).CountReply(b, new(wire.Scanner)); err == nil && u.Prompt() < 0 {
			t.Errorf("%+v", u)
		}
		r, err := gemini.Client{}.EmbedReply(b, new(wire.Scanner), api)
		if err != nil {
			return
		}
		if out, err := (gemini.Server{}).EmbedReply(nil, r, &chat.EmbedRequest{Batch: true}, &dialect.Answering{}); err != nil || !json.Valid(out) {
			t.Errorf("%v: %q", err, out)
		}
	})
}
