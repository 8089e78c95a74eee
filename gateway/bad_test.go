package gateway_test

import (
	"fmt"
	"strings"
	"testing"

	"bulkhead/call"
)

// bad is a request body that must be refused, and how.
type bad struct {
	name, body string
	status     int
	code       string
	param      string // of the refusal; empty: none
}

func malformed(name, body, param string) bad { return bad{name, body, 400, "malformed", param} }

// syntax are bodies that are not the JSON that Bulkhead takes.
var syntax = []bad{
	malformed("empty", "", ""),
	malformed("white space", " \n", ""),
	malformed("no JSON", "hello", ""),
	malformed("truncated", chat()[:40], ""),
	malformed("truncated by its last byte", strings.TrimSuffix(chat(), "}"), ""),
	malformed("a list", "[]", ""),
	malformed("a string", `"x"`, ""),
	malformed("null", "null", ""),
	malformed("two objects", chat()+chat(), ""),
	malformed("something after", chat()+"x", ""),
	malformed("a trailing comma", strings.TrimSuffix(chat(), "}")+",}", ""),
	malformed("single quotes", strings.ReplaceAll(chat(), `"`, `'`), ""),
	malformed("a comment", chat()[:1]+"/* hi */"+chat()[1:], ""),
	malformed("NaN", chat(`"temperature":NaN`), ""),
	malformed("a leading zero", chat(`"temperature":01`), ""),
	malformed("a leading plus", chat(`"temperature":+1`), ""),
	malformed("a bare point", chat(`"temperature":.5`), ""),
	malformed("hexadecimal", chat(`"seed":0x10`), ""),
	malformed("byte order mark", "\ufeff"+chat(), ""),
	malformed("UTF-16", "\xff\xfe{\x00}\x00", ""),
	malformed("a NUL", chat()+"\x00", ""),
	malformed("deep lists", chat(`"metadata":`+strings.Repeat("[", 1000)+strings.Repeat("]", 1000)), ""),
	malformed("deep objects", chat(`"metadata":`+strings.Repeat(`{"a":`, 1000)+"1"+strings.Repeat("}", 1000)), ""),
	malformed("very deep and open", strings.Repeat("[", 1<<20), ""),
	malformed("invalid UTF-8 in a value", chat("\"user\":\"\xff\""), ""),
	malformed("invalid UTF-8 in a name", chat("\"us\xc3\":1"), ""),
	malformed("overlong UTF-8", chat("\"user\":\"\xc0\xaf\""), ""),
	malformed("a surrogate in UTF-8", chat("\"user\":\"\xed\xa0\x80\""), ""),
	malformed("half a surrogate pair", chat(`"user":"\ud83d"`), ""),
	malformed("the other half", chat(`"user":"\ude00"`), ""),
	malformed("a pair the wrong way round", chat(`"user":"\ude00\ud83d"`), ""),
	malformed("half a pair in a name", chat(`"\ud83d":1`), ""),
	malformed("a control character", chat("\"user\":\"a\nb\""), ""),
	malformed("an unknown escape", chat(`"user":"\x41"`), ""),
	malformed("the same name twice", chat(`"model":"other"`), ""),
	malformed("the same name by \\u", chat(`"\u006dodel":"other"`), ""),
	malformed("the same name by \\u, upper", chat(`"\u006Dodel":"other"`), ""),
	malformed("the same name by \\/", chat(`"a/b":1`, `"a\/b":2`), ""),
	malformed("the same unknown name", chat(`"zzz":1`, `"zzz":2`), ""),
	malformed("the same name below", chat(`"metadata":{"a":1,"a":2}`), ""),
	malformed("the same name deep below", chat(`"response_format":{"a":[{"b":{"c":1,"\u0063":2}}]}`), ""),
	malformed("the same name in a message", `{"model":"chat","messages":[{"role":"user","content":"a","content":"b"}]}`, ""),
	malformed("too many names", chat(`"metadata":{`+manyNames(20_000)+`}`), ""),
	{"a name in another case", chat(`"MODEL":"other"`), 400, "unsupported_parameter", "model"},
	{"a name in mixed case", chat(`"Stream":true`), 400, "unsupported_parameter", "stream"},
	{"a name with the long s", chat(`"ſtream":true`), 400, "unsupported_parameter", "stream"},
	{"a name with the long s, escaped", chat(`"\u017ftore":true`), 400, "unsupported_parameter", "store"},
	{"a name with the Kelvin sign", chat(`"toolſ":[]`), 400, "unsupported_parameter", "tools"},
	{"another case alone", strings.Replace(chat(), "model", "Model", 1), 400, "unsupported_parameter", "model"},
	{"another case in a message", `{"model":"chat","messages":[{"role":"user","Content":"b"}]}`, 400, "unsupported_parameter", "messages[0].content"},
	{"another case in options", chat(`"stream":true`, `"stream_options":{"Include_Usage":true}`), 400, "unsupported_parameter", "stream_options.include_usage"},
	{"another case of what reaches", chat(`"Data_Sources":[]`), 400, "unsupported_parameter", "data_sources"},
}

func manyNames(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `"n%d":1,`, i)
	}
	return strings.TrimSuffix(b.String(), ",")
}

// types are bodies whose known fields hold something of the wrong type.
func types() []bad {
	all := []bad{
		{"no model", `{"messages":[]}`, 400, "malformed", "model"},
		{"an empty model", `{"model":"","messages":[]}`, 400, "malformed", "model"},
		{"an unknown model", `{"model":"gpt-9","messages":[]}`, 404, "model_not_found", "model"},
		{"a model in another case", `{"model":"CHAT","messages":[]}`, 404, "model_not_found", "model"},
		{"a model with a space", `{"model":"chat ","messages":[]}`, 404, "model_not_found", "model"},
		{"a message that is a string", `{"model":"chat","messages":["hi"]}`, 400, "malformed", "messages[0]"},
		{"a second message that is null", `{"model":"chat","messages":[{"role":"user"},null]}`, 400, "malformed", "messages[1]"},
		{"a role that is a number", `{"model":"chat","messages":[{"role":1}]}`, 400, "malformed", "messages[0].role"},
		{"content that is a number", `{"model":"chat","messages":[{"role":"user","content":1}]}`, 400, "malformed", "messages[0].content"},
		{"content that is an object", `{"model":"chat","messages":[{"role":"user","content":{"type":"text"}}]}`, 400, "malformed", "messages[0].content"},
		{"a part that is a string", `{"model":"chat","messages":[{"role":"user","content":["hi"]}]}`, 400, "malformed", "messages[0].content[0]"},
		{"a part without a type", `{"model":"chat","messages":[{"role":"user","content":[{"text":"hi"}]}]}`, 400, "malformed", "messages[0].content[0].type"},
		{"a part whose type is null", `{"model":"chat","messages":[{"role":"user","content":[{"type":null}]}]}`, 400, "malformed", "messages[0].content[0].type"},
		{"an image that is a number", `{"model":"chat","messages":[{"role":"user","content":[{"type":"image_url","image_url":1}]}]}`, 400, "malformed", "messages[0].content[0].image_url"},
		{"an image whose url is a list", `{"model":"chat","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":[]}}]}]}`, 400, "malformed", "messages[0].content[0].image_url.url"},
		{"a file that is a string", `{"model":"chat","messages":[{"role":"user","content":[{"type":"file","file":"x"}]}]}`, 400, "malformed", "messages[0].content[0].file"},
		{"a file id that is a number", `{"model":"chat","messages":[{"role":"user","content":[{"type":"file","file":{"file_id":1}}]}]}`, 400, "malformed", "messages[0].content[0].file.file_id"},
		{"sound that is a string", `{"model":"chat","messages":[{"role":"user","content":[{"type":"input_audio","input_audio":"x"}]}]}`, 400, "malformed", "messages[0].content[0].input_audio"},
		{"tool calls that are an object", `{"model":"chat","messages":[{"role":"assistant","tool_calls":{}}]}`, 400, "malformed", "messages[0].tool_calls"},
		{"a tool call that is a string", `{"model":"chat","messages":[{"role":"assistant","tool_calls":["x"]}]}`, 400, "malformed", "messages[0].tool_calls[0]"},
		{"a tool that is a string", chat(`"tools":["web_search"]`), 400, "malformed", "tools[0]"},
		{"a tool without a type", chat(`"tools":[{"function":{"name":"f"}}]`), 400, "malformed", "tools[0].type"},
		{"a tool whose type is a list", chat(`"tools":[{"type":["function"]}]`), 400, "malformed", "tools[0].type"},
		{"a function that is a string", chat(`"tools":[{"type":"function","function":"f"}]`), 400, "malformed", "tools[0].function"},
		{"options that hold a word", chat(`"stream":true`, `"stream_options":{"include_usage":"yes"}`), 400, "malformed", "stream_options.include_usage"},
		{"tokens by exponent", chat(`"max_completion_tokens":1e3`), 400, "malformed", "max_completion_tokens"},
		{"a fraction of a choice", chat(`"n":1.5`), 400, "malformed", "n"},
	}
	values := map[string]string{"an object": `{}`, "a list": `[]`, "a string": `"x"`, "a number": `1`, "true": `true`, "null": `null`}
	for field, takes := range map[string]string{
		"model": "a string", "messages": "a list", "stream": "true null", "store": "true null", "tools": "a list null",
		"tool_choice": "a string an object null", "n": "a number null", "max_tokens": "a number null",
		"max_completion_tokens": "a number null", "temperature": "a number null", "top_p": "a number null", "seed": "a number null",
		"presence_penalty": "a number null", "frequency_penalty": "a number null", "logprobs": "true null", "top_logprobs": "a number null",
		"stop": "a string a list null", "user": "a string null", "metadata": "an object null", "response_format": "an object null",
		"stream_options": "an object null", "logit_bias": "an object null", "parallel_tool_calls": "true null",
		"reasoning_effort": "a string null", "modalities": "a list null", "audio": "an object null", "prediction": "an object null",
		"service_tier": "a string null", "safety_identifier": "a string null", "prompt_cache_key": "a string null",
		"prompt_cache_retention": "a string null", "verbosity": "a string null", "web_search_options": "an object null",
		"functions": "a list null", "function_call": "a string an object null",
	} {
		for kind, v := range values {
			if strings.Contains(takes, kind) {
				continue
			}
			body := chat(fmt.Sprintf(`%q:%s`, field, v))
			switch field {
			case "model":
				body = fmt.Sprintf(`{"model":%s,"messages":[]}`, v)
			case "messages":
				body = fmt.Sprintf(`{"model":"chat","messages":%s}`, v)
			}
			all = append(all, malformed(field+" that is "+kind, body, field))
		}
	}
	return all
}

func TestBadBody_IsRefusedInTheCallersDialect(t *testing.T) {
	v := newVendor(t, ok)
	r := start(t, estateOf("a", []string{"chat"}, offer{Name: "one", URL: v.URL}))
	for _, b := range append(append([]bad(nil), syntax...), types()...) {
		t.Run(b.name, func(t *testing.T) { b.check(t, r, "/v1/chat/completions") })
	}
	if n := len(v.Seen()); n != 0 {
		t.Errorf("the vendor was sent %d requests: %s", n, v.Seen()[0].Body)
	}
	if got := r.Post("/v1/chat/completions", chat()); got.Status != 200 {
		t.Errorf("afterwards a good call gets %d %s", got.Status, got.Body)
	}
}

func (b bad) check(t *testing.T, r *rig, path string) {
	t.Helper()
	got := r.Post(path, b.body)
	e := refused(t, got, b.status, b.code)
	switch {
	case b.param == "" && e.Param != nil:
		t.Errorf("param %q, want none: %s", *e.Param, e.Message)
	case b.param != "" && (e.Param == nil || *e.Param != b.param):
		t.Errorf("param %v, want %q: %s", e.Param, b.param, e.Message)
	}
	if got.Header.Get("X-Should-Retry") != "false" {
		t.Errorf("x-should-retry is %q", got.Header.Get("X-Should-Retry"))
	}
	if len(e.Message) > 1000 {
		t.Errorf("a message of %d bytes", len(e.Message))
	}
	if rec := r.Record(); rec.Ending != call.Refused || rec.Kind != b.code || rec.Status != b.status || len(rec.Attempts) != 0 {
		t.Errorf("record %+v", rec)
	}
}

func TestBadEmbeddings_AreRefused(t *testing.T) {
	v := newVendor(t, ok)
	r := start(t, estateOf("a", []string{"chat"}, offer{Name: "one", URL: v.URL}))
	for _, b := range []bad{
		malformed("empty", "", ""),
		malformed("input that is a number", `{"model":"chat","input":1}`, "input"),
		malformed("input that is null", `{"model":"chat","input":null}`, "input"),
		malformed("input that is an object", `{"model":"chat","input":{}}`, "input"),
		malformed("input of objects", `{"model":"chat","input":["a",{}]}`, "input[1]"),
		malformed("input of nulls", `{"model":"chat","input":[null]}`, "input[0]"),
		malformed("tokens of strings", `{"model":"chat","input":[[1,"2"]]}`, "input[0]"),
		malformed("tokens too deep", `{"model":"chat","input":[[[1]]]}`, "input[0]"),
		malformed("dimensions that are a string", `{"model":"chat","input":"a","dimensions":"1"}`, "dimensions"),
		malformed("format that is a number", `{"model":"chat","input":"a","encoding_format":1}`, "encoding_format"),
		{"a name in another case", `{"model":"chat","input":"a","Input":"b"}`, 400, "unsupported_parameter", "input"},
		{"an unknown model", `{"model":"ada","input":"a"}`, 404, "model_not_found", "model"},
		{"no model", `{"input":"a"}`, 400, "malformed", "model"},
	} {
		t.Run(b.name, func(t *testing.T) { b.check(t, r, "/v1/embeddings") })
	}
	if n := len(v.Seen()); n != 0 {
		t.Errorf("the vendor was sent %d requests", n)
	}
}

func TestOversizedBody_IsRefusedHoweverItIsFramed(t *testing.T) {
	v := newVendor(t, ok)
	e := estateOf("a", []string{"chat"}, offer{Name: "one", URL: v.URL})
	e.Enclave.MaxBodyBytes = 10_000
	r := start(t, e)
	fits := func(n int) string { return chat(`"user":"` + strings.Repeat("u", n-len(chat(`"user":""`))) + `"`) }
	for _, row := range []struct {
		name string
		size int
		ok   bool
	}{{"to the byte", 10_000, true}, {"a byte over", 10_001, false}, {"far over", 3 << 20, false}} {
		body := fits(row.size)
		for _, framing := range []string{"announced", "chunked"} {
			t.Run(row.name+" "+framing, func(t *testing.T) {
				c := r.dial()
				if framing == "announced" {
					c.say(r.post(fmt.Sprintf("Content-Length: %d", len(body))))
					go c.say(body)
				} else {
					c.say(r.post("Transfer-Encoding: chunked"))
					go c.say(fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(body), body))
				}
				got, err := c.read(5e9)
				if err != nil {
					t.Fatal(err)
				}
				if row.ok {
					if got.Status != 200 {
						t.Errorf("got %d %s", got.Status, got.Body)
					}
					return
				}
				refused(t, got, 413, "too_large")
			})
		}
	}
	if n := len(v.Seen()); n != 2 {
		t.Errorf("the vendor was sent %d requests, want 2", n)
	}
}
