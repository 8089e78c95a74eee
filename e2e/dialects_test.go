package e2e_test

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
)

// caller is one dialect as its applications speak it: where its calls go, what
// they hold, and where a reply says what.
type caller struct {
	name           string
	unary, streams string                                       // paths, behind the gateway's root
	body           func(words string, stream, tool bool) string // of a call of 12 tokens, 80 with a tool that must be called
	text           string                                       // where a reply's text stands
	call           string                                       // where the name of the called tool stands
	input, output  string                                       // where its usage stands
	delta          string                                       // where an event's text stands
	usage          [2]string                                    // where a stream's usage stands, in whichever event has it
	end            string                                       // in the bytes of the last two events
}

const (
	toolName   = "find_city"
	toolSchema = `{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}`
)

// either is one of two pieces of a body.
func either(yes bool, then, otherwise string) string {
	if yes {
		return then
	}
	return otherwise
}

var callers = []caller{
	{
		name: "openai", unary: "/v1/chat/completions", streams: "/v1/chat/completions",
		body: func(words string, stream, tool bool) string {
			return fmt.Sprintf(`{"model":"local","temperature":0,"max_tokens":%s,"messages":[{"role":"user","content":%q}]%s%s}`,
				either(tool, "80", "12"), words,
				either(stream, `,"stream":true,"stream_options":{"include_usage":true}`, ""),
				either(tool, `,"tools":[{"type":"function","function":{"name":"find_city","parameters":`+toolSchema+`}}],"tool_choice":{"type":"function","function":{"name":"find_city"}}`, ""))
		},
		text: "choices.0.message.content", call: "choices.0.message.tool_calls.0.function.name",
		input: "usage.prompt_tokens", output: "usage.completion_tokens",
		delta: "choices.0.delta.content", usage: [2]string{"usage.prompt_tokens", "usage.completion_tokens"}, end: "[DONE]",
	},
	{
		name: "responses", unary: "/v1/responses", streams: "/v1/responses",
		body: func(words string, stream, tool bool) string {
			return fmt.Sprintf(`{"model":"local","temperature":0,"store":false,"max_output_tokens":%s,"input":%q%s%s}`,
				either(tool, "80", "16"), words, either(stream, `,"stream":true`, ""),
				either(tool, `,"tools":[{"type":"function","name":"find_city","strict":false,"parameters":`+toolSchema+`}],"tool_choice":{"type":"function","name":"find_city"}`, ""))
		},
		text: "output.0.content.0.text", call: "output.0.name", input: "usage.input_tokens", output: "usage.output_tokens",
		delta: "delta", usage: [2]string{"response.usage.input_tokens", "response.usage.output_tokens"}, end: `"response":{`,
	},
	{
		name: "anthropic", unary: "/v1/messages", streams: "/v1/messages",
		body: func(words string, stream, tool bool) string {
			return fmt.Sprintf(`{"model":"local","temperature":0,"max_tokens":%s,"messages":[{"role":"user","content":%q}]%s%s}`,
				either(tool, "80", "12"), words, either(stream, `,"stream":true`, ""),
				either(tool, `,"tools":[{"name":"find_city","input_schema":`+toolSchema+`}],"tool_choice":{"type":"tool","name":"find_city"}`, ""))
		},
		text: "content.0.text", call: "content.0.name", input: "usage.input_tokens", output: "usage.output_tokens",
		delta: "delta.text", usage: [2]string{"usage.input_tokens", "usage.output_tokens"}, end: "message_stop",
	},
	{
		name: "bedrock", unary: "/model/local/converse", streams: "/model/local/converse-stream",
		body: func(words string, _, tool bool) string {
			return fmt.Sprintf(`{"inferenceConfig":{"temperature":0,"maxTokens":%s},"messages":[{"role":"user","content":[{"text":%q}]}]%s}`,
				either(tool, "80", "12"), words,
				either(tool, `,"toolConfig":{"tools":[{"toolSpec":{"name":"find_city","inputSchema":{"json":`+toolSchema+`}}}],"toolChoice":{"tool":{"name":"find_city"}}}`, ""))
		},
		text: "output.message.content.0.text", call: "output.message.content.0.toolUse.name",
		input: "usage.inputTokens", output: "usage.outputTokens",
		delta: "delta.text", usage: [2]string{"usage.inputTokens", "usage.outputTokens"}, end: `"stopReason"`,
	},
	{
		name: "gemini", unary: "/v1beta/models/local:generateContent", streams: "/v1beta/models/local:streamGenerateContent?alt=sse",
		body: func(words string, _, tool bool) string {
			return fmt.Sprintf(`{"generationConfig":{"temperature":0,"maxOutputTokens":%s},"contents":[{"role":"user","parts":[{"text":%q}]}]%s}`,
				either(tool, "80", "12"), words,
				either(tool, `,"tools":[{"functionDeclarations":[{"name":"find_city","parametersJsonSchema":`+toolSchema+`}]}],"toolConfig":{"functionCallingConfig":{"mode":"ANY","allowedFunctionNames":["find_city"]}}`, ""))
		},
		text: "candidates.0.content.parts.0.text", call: "candidates.0.content.parts.0.functionCall.name",
		input: "usageMetadata.promptTokenCount", output: "usageMetadata.candidatesTokenCount",
		delta: "candidates.0.content.parts.0.text", usage: [2]string{"usageMetadata.promptTokenCount", "usageMetadata.candidatesTokenCount"}, end: `"finishReason"`,
	},
}

// everyDialect has callers of each dialect make the same calls of the model, and
// holds what they are told against each other: a stream's words begin as the
// unary reply's, and all dialects hear the same words.
func (s server) everyDialect(t *testing.T, through lane) {
	root := strings.TrimSuffix(through.URL, "/v1")
	first := ""
	for _, c := range callers {
		t.Run(c.name, func(t *testing.T) {
			reply := post(t, root+c.unary, through.Key, c.body(s.ask, false, false))
			var whole any
			if err := json.Unmarshal(reply, &whole); err != nil {
				t.Fatalf("%v: %s", err, reply)
			}
			text, in, out := str(at(whole, c.text)), number(at(whole, c.input)), number(at(whole, c.output))
			t.Logf("unary  %q, %v tokens in, %v out", text, in, out)
			if text == "" || in == 0 || out == 0 {
				t.Errorf("want words and usage: %s", reply)
			}
			if n := min(len(first), len(text)); n > 0 && text[:n] != first[:n] {
				t.Errorf("got %q, other dialects %q", text, first)
			}
			first = text
			s.streamed(t, c, root, through.Key, text)
			if s.calls {
				reply := post(t, root+c.unary, through.Key, c.body("Find the city of Oslo.", false, true))
				var whole any
				if err := json.Unmarshal(reply, &whole); err != nil {
					t.Fatalf("%v: %s", err, reply)
				}
				t.Logf("tool   %v", at(whole, c.call))
				if at(whole, c.call) != toolName {
					t.Errorf("want a call of %s at %s: %s", toolName, c.call, reply)
				}
			}
		})
	}
}

// streamed makes the call of a unary reply as a stream.
func (s server) streamed(t *testing.T, c caller, root, key, text string) {
	t.Helper()
	told := post(t, root+c.streams, key, c.body(s.ask, true, false))
	said, in, out, last, before, n := "", 0.0, 0.0, "", "", 0
	for _, e := range events(t, told, c.name == "bedrock") {
		n++
		last, before = before+e, e
		var v any
		if json.Unmarshal([]byte(e), &v) != nil {
			continue
		}
		if kind := at(v, "type"); c.name != "responses" || kind == "response.output_text.delta" {
			said += str(at(v, c.delta))
		}
		in, out = max(in, number(at(v, c.usage[0]))), max(out, number(at(v, c.usage[1])))
	}
	t.Logf("stream %q, %d events, %v tokens in, %v out", said, n, in, out)
	if said != text {
		t.Errorf("the stream says %q, the unary reply %q", said, text)
	}
	if n < 3 || !strings.Contains(last, c.end) {
		t.Errorf("the last two of %d events are %q, want %q in it", n, last, c.end)
	}
	if s.meters && (in == 0 || out == 0) {
		t.Errorf("a stream without usage: %s", told)
	}
}

// post makes a call with the key where every dialect of Bulkhead takes it, and
// gives the bytes of its reply.
func post(t *testing.T, url, key, body string) []byte {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	call, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	call.Header.Set("Content-Type", "application/json")
	call.Header.Set("Anthropic-Version", "2023-06-01")
	call.Header.Set("Authorization", "Bearer "+key)
	reply, err := http.DefaultClient.Do(call)
	if err != nil {
		t.Fatal(err)
	}
	defer reply.Body.Close()
	b, err := io.ReadAll(reply.Body)
	if err != nil || reply.StatusCode != http.StatusOK {
		t.Fatalf("status %d, %v: %s", reply.StatusCode, err, b)
	}
	if lost := reply.Header.Get("Bulkhead-Loss"); lost != "" {
		t.Logf("loss   %s", lost)
	}
	return b
}

// events is the data of each event of a stream, of server-sent events or of
// the AWS event stream, whose checksums must hold.
func events(t *testing.T, stream []byte, framed bool) []string {
	t.Helper()
	var all []string
	if !framed {
		for line := range strings.Lines(string(stream)) {
			if data, ok := strings.CutPrefix(strings.TrimRight(line, "\r\n"), "data: "); ok {
				all = append(all, data)
			}
		}
		return all
	}
	for len(stream) > 0 {
		if len(stream) < 16 {
			t.Fatalf("%d bytes after the last frame", len(stream))
		}
		size, headers := binary.BigEndian.Uint32(stream), binary.BigEndian.Uint32(stream[4:])
		if crc32.ChecksumIEEE(stream[:8]) != binary.BigEndian.Uint32(stream[8:]) || size < 16+headers || int(size) > len(stream) {
			t.Fatalf("a frame of %d bytes that is not whole, or whose prelude has another checksum", size)
		}
		if crc32.ChecksumIEEE(stream[:size-4]) != binary.BigEndian.Uint32(stream[size-4:]) {
			t.Fatal("a frame with another checksum")
		}
		all = append(all, string(stream[12+headers:size-4]))
		stream = stream[size:]
	}
	return all
}

// at is what stands at a path of names and places in a JSON value, or nil.
func at(v any, path string) any {
	for name := range strings.SplitSeq(path, ".") {
		switch in := v.(type) {
		case map[string]any:
			v = in[name]
		case []any:
			i, err := strconv.Atoi(name)
			if err != nil || i >= len(in) {
				return nil
			}
			v = in[i]
		default:
			return nil
		}
	}
	return v
}

func str(v any) string {
	s, _ := v.(string)
	return s
}

func number(v any) float64 {
	n, _ := v.(float64)
	return n
}
