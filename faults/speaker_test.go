package faults_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"bulkhead/wire"
)

// speaker is a caller of one dialect, as far as it matters to a suite of faults:
// how it asks, and what its SDK would make of a reply.
type speaker struct {
	path, streamPath string // %s: the alias
	ask              string // %s: the alias, what asks for a stream, the prompt
	asks             string
	code             func(body []byte) string // of a refusal of Bulkhead's own
	read             func(body []byte) (said, bool)
	readStream       func(body []byte) said
}

// said is what an SDK makes of a reply.
type said struct {
	text   string
	whole  bool   // it was told that this is all
	finish string // why it ended, in the dialect's word
	failed string // what an error within the stream says; empty: there is none
}

var speakers = map[string]speaker{
	"openai": {
		path: "/v1/chat/completions", streamPath: "/v1/chat/completions",
		ask: `{"model":%[1]q,%[2]s"messages":[{"role":"user","content":%[3]q}]}`, asks: `"stream":true,`,
		code: codeOf("error", "code"),
		read: func(b []byte) (said, bool) {
			v, ok := parse(b)
			s := said{text: v.text("choices", 0, "message", "content"), finish: v.text("choices", 0, "finish_reason")}
			s.whole = s.finish != ""
			return s, ok && v.has("choices")
		},
		readStream: func(b []byte) (s said) {
			for _, e := range events(b) {
				if e.data == "[DONE]" {
					s.whole = true
					continue
				}
				v, _ := parse([]byte(e.data))
				s.text += v.text("choices", 0, "delta", "content")
				s.finish += v.text("choices", 0, "finish_reason")
				s.fail(v.has("error"), e.data)
			}
			return s
		},
	},
	"responses": {
		path: "/v1/responses", streamPath: "/v1/responses",
		ask: `{"model":%[1]q,%[2]s"input":%[3]q}`, asks: `"stream":true,`,
		code: codeOf("error", "code"),
		read: func(b []byte) (said, bool) {
			v, ok := parse(b)
			s := response(v)
			return s, ok && v.text("object") == "response" && v.text("status") != "failed"
		},
		readStream: func(b []byte) (s said) {
			for _, e := range events(b) {
				v, _ := parse([]byte(e.data))
				switch v.text("type") {
				case "response.output_text.delta":
					s.text += v.text("delta")
				case "response.completed", "response.incomplete":
					last := response(v.at("response"))
					s.whole, s.finish = true, last.finish
					if last.text != s.text {
						s.text += " [and told at the end: " + last.text + "]"
					}
				case "error", "response.failed":
					s.fail(true, e.data)
				}
			}
			return s
		},
	},
	"anthropic": {
		path: "/v1/messages", streamPath: "/v1/messages",
		ask: `{"model":%[1]q,"max_tokens":4000,%[2]s"messages":[{"role":"user","content":%[3]q}]}`, asks: `"stream":true,`,
		code: codeOf("error", "bulkhead", "code"),
		read: func(b []byte) (said, bool) {
			v, ok := parse(b)
			s := said{text: v.text("content", 0, "text"), finish: v.text("stop_reason")}
			s.whole = s.finish != ""
			return s, ok && v.text("type") == "message"
		},
		readStream: func(b []byte) (s said) {
			for _, e := range events(b) {
				v, _ := parse([]byte(e.data))
				switch e.name {
				case "content_block_delta":
					s.text += v.text("delta", "text")
				case "message_delta":
					s.finish += v.text("delta", "stop_reason")
				case "message_stop":
					s.whole = true
				case "error":
					s.fail(true, e.data)
				}
			}
			return s
		},
	},
	"gemini": {
		path: "/v1beta/models/%s:generateContent", streamPath: "/v1beta/models/%s:streamGenerateContent?alt=sse",
		ask:  `{%[2]s"contents":[{"role":"user","parts":[{"text":%[3]q}]}]}`,
		code: codeOf("error", "details", 0, "reason"),
		read: func(b []byte) (said, bool) {
			v, ok := parse(b)
			s := said{text: v.text("candidates", 0, "content", "parts", 0, "text"), finish: v.text("candidates", 0, "finishReason")}
			if blocked := v.text("promptFeedback", "blockReason"); blocked != "" {
				s.finish = blocked
			}
			s.whole = s.finish != ""
			return s, ok && s.whole
		},
		readStream: func(b []byte) (s said) {
			for _, e := range events(b) {
				v, ok := parse([]byte(e.data))
				s.text += v.text("candidates", 0, "content", "parts", 0, "text")
				s.finish += v.text("candidates", 0, "finishReason") + v.text("promptFeedback", "blockReason")
				s.fail(!ok || v.has("error"), e.data)
			}
			s.whole = s.finish != ""
			return s
		},
	},
	"bedrock": {
		path: "/model/%s/converse", streamPath: "/model/%s/converse-stream",
		ask:  `{%[2]s"messages":[{"role":"user","content":[{"text":%[3]q}]}]}`,
		code: codeOf("code"),
		read: func(b []byte) (said, bool) {
			v, ok := parse(b)
			s := said{text: v.text("output", "message", "content", 0, "text"), finish: v.text("stopReason")}
			s.whole = s.finish != ""
			return s, ok && v.has("output")
		},
		readStream: readFrames,
	},
}

func (s *said) fail(is bool, words string) {
	if is && s.failed == "" {
		s.failed = words
	}
}

// response reads a reply object of the Responses API.
func response(v value) said {
	s := said{finish: v.text("status"), whole: true}
	if why := v.text("incomplete_details", "reason"); why != "" {
		s.finish = why
	}
	for i := range v.len("output") {
		s.text += v.text("output", i, "content", 0, "text")
	}
	return s
}

// readFrames reads AWS's event stream.
func readFrames(b []byte) (s said) {
	var r wire.FrameReader
	r.Reset(bytes.NewReader(b), nil, 16<<20)
	for {
		f, ok, err := r.Next()
		if err != nil {
			s.fail(true, err.Error())
			return s
		}
		if !ok {
			if r.Fill() != nil {
				return s
			}
			continue
		}
		v, _ := parse(f.Payload)
		switch string(f.Text(":event-type")) {
		case "contentBlockDelta":
			s.text += v.text("delta", "text")
		case "messageStop":
			s.finish += v.text("stopReason")
		case "metadata":
			s.whole = true
		}
		s.fail(string(f.Text(":message-type")) != "event", string(f.Text(":exception-type"))+" "+string(f.Payload))
	}
}

// event is one of server-sent events.
type event struct{ name, data string }

// events reads server-sent events; what is no event, as Google's bare errors, is
// given as one without a name.
func events(b []byte) (out []event) {
	for _, block := range strings.Split(strings.ReplaceAll(string(b), "\r\n", "\n"), "\n\n") {
		var e event
		bare := true
		for line := range strings.Lines(block) {
			line = strings.TrimRight(line, "\n")
			name, value, _ := strings.Cut(line, ":")
			switch value = strings.TrimPrefix(value, " "); name {
			case "event":
				e.name, bare = value, false
			case "data":
				e.data, bare = e.data+value, false
			case "": // a comment
				bare = bare && line == ""
			}
		}
		if block = strings.TrimSpace(block); bare && block != "" {
			e.data = block
		}
		if e.data != "" {
			out = append(out, e)
		}
	}
	return out
}

// value is JSON that is walked without complaint.
type value struct{ any }

func parse(b []byte) (value, bool) {
	var v any
	err := json.Unmarshal(b, &v)
	return value{v}, err == nil
}

func (v value) at(path ...any) value {
	for _, p := range path {
		switch p := p.(type) {
		case string:
			o, _ := v.any.(map[string]any)
			v.any = o[p]
		case int:
			a, _ := v.any.([]any)
			if p >= len(a) {
				return value{}
			}
			v.any = a[p]
		}
	}
	return v
}

func (v value) text(path ...any) string {
	s, _ := v.at(path...).any.(string)
	return s
}

func (v value) has(path ...any) bool { return v.at(path...).any != nil }

func (v value) len(path ...any) int {
	a, _ := v.at(path...).any.([]any)
	return len(a)
}

func codeOf(path ...any) func([]byte) string {
	return func(b []byte) string {
		v, _ := parse(b)
		return v.text(path...)
	}
}

// request gives the target and body of a call.
func (s speaker) request(alias, prompt string, stream bool) (target, body string) {
	target, asks := s.path, ""
	if stream {
		target, asks = s.streamPath, s.asks
	}
	if strings.Contains(target, "%s") {
		target = fmt.Sprintf(target, alias)
	}
	return target, fmt.Sprintf(s.ask, alias, asks, prompt)
}
