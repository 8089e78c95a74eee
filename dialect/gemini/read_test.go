package gemini_test

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"bulkhead/call"
	"bulkhead/dialect"
	"bulkhead/dialect/gemini"
	"bulkhead/fault"
	"bulkhead/wire"
)

func read(action call.Action, body string) (dialect.Request, error) {
	return gemini.Reader{}.Read(inbound(action, "alias", false, []byte(body)), new(wire.Scanner), dialect.Listener{})
}

// needs gives what a body uses, in a line.
func needs(t *testing.T, action call.Action, body string) string {
	t.Helper()
	r, err := read(action, body)
	if err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	var out []string
	for _, n := range r.Asked().Needs {
		out = append(out, string(n.Capability)+" "+n.Field)
	}
	return strings.Join(out, ", ")
}

// reaching are bodies and what they need.
func reaching() []struct{ body, want string } {
	part := func(p string) string { return `{"contents":[{"parts":[` + p + `]}]}` }
	tool := func(x string) string { return `{"tools":[{"functionDeclarations":[{"name":"f"}]},{` + x + `}]}` }
	return []struct{ body, want string }{
		{part(`{"text":"https://example.gov"}`), ""},
		{part(`{"inlineData":{"mimeType":"image/png","data":"AAAA"}}`), ""},
		{part(`{"fileData":{"fileUri":"gs://b/a.png"}}`), "remote_url contents[0].parts[0].fileData.fileUri"},
		{part(`{"file_data":{"file_uri":"https://x.example/a"}}`), "remote_url contents[0].parts[0].fileData.fileUri"},
		{part(`{"file\u005fdata":{"file\u0055ri":"anything at all"}}`), "remote_url contents[0].parts[0].fileData.fileUri"},
		{part(`{"fileData":{"fileUri":""}}`), "remote_url contents[0].parts[0].fileData.fileUri"},
		{part(`{"fileData":{"fileUri":"https://generativelanguage.googleapis.com/v1beta/files/abc"}}`), "file_id contents[0].parts[0].fileData.fileUri"},
		{part(`{"fileData":{"fileUri":"https://generativelanguage.googleapis.com.evil.example/files/abc"}}`), "remote_url contents[0].parts[0].fileData.fileUri"},
		{part(`{"fileData":{"fileUri":"files/abc"}}`), "file_id contents[0].parts[0].fileData.fileUri"},
		{part(`{"functionResponse":{"name":"f","response":{},"parts":[{"inlineData":{"data":"AA"}},{"fileData":{"fileUri":"https://x.example"}}]}}`), "remote_url contents[0].parts[0].functionResponse.parts[1].fileData.fileUri"},
		{`{"systemInstruction":{"parts":[{"fileData":{"fileUri":"gs://b/a"}}]}}`, "remote_url systemInstruction.parts[0].fileData.fileUri"},
		{tool(`"googleSearch":{}`), "web_search tools[1].googleSearch"},
		{tool(`"google_search_retrieval":{}`), "web_search tools[1].googleSearchRetrieval"},
		{tool(`"enterpriseWebSearch":{}`), "web_search tools[1].enterpriseWebSearch"},
		{tool(`"exaAiSearch":{"apiKey":"k"}`), "web_search tools[1].exaAiSearch"},
		{tool(`"parallelAiSearch":{}`), "web_search tools[1].parallelAiSearch"},
		{tool(`"googleMaps":{}`), "web_search tools[1].googleMaps"},
		{tool(`"urlContext":{}`), "remote_url tools[1].urlContext"},
		{tool(`"codeExecution":{}`), "code_interpreter tools[1].codeExecution"},
		{tool(`"computerUse":{}`), "computer_use tools[1].computerUse"},
		{tool(`"fileSearch":{}`), "file_search tools[1].fileSearch"},
		{tool(`"mcpServers":[]`), "mcp tools[1].mcpServers"},
		{tool(`"retrieval":{"vertexAiSearch":{}}`), "data_sources tools[1].retrieval"},
		{tool(`"retrieval":{"vertex_rag_store":{"store_context":true}}`), "data_sources tools[1].retrieval, server_side_memory tools[1].retrieval.vertexRagStore.storeContext"},
		{tool(`"retrieval":{"vertexRagStore":{"storeContext":false}}`), "data_sources tools[1].retrieval"},
		{tool(`"retrieval":{"externalApi":{}}`), "data_sources tools[1].retrieval, remote_url tools[1].retrieval.externalApi"},
		{tool(`"googleSearch":null`), ""},
		{`{"cachedContent":"cachedContents/1"}`, "prompt_id cachedContent"},
		{`{"cached_content":"cachedContents/1"}`, "prompt_id cachedContent"},
		{`{"cachedContent":null}`, ""},
		{`{"modelArmorConfig":{}}`, "prompt_id modelArmorConfig"},
		{`{"continuationToken":"AA=="}`, "conversation_id continuationToken"},
		{`{"generationOutputConfig":{"outputUriPrefix":"gs://b"}}`, "store generationOutputConfig"},
		{`{"generationConfig":{"routingConfig":{"autoMode":{}}}}`, "vendor_fallback generationConfig.routingConfig"},
		{`{"generation_config":{"model_config":{}}}`, "vendor_fallback generationConfig.modelConfig"},
		{`{"generationConfig":{"modelSelectionConfig":{}}}`, "vendor_fallback generationConfig.modelSelectionConfig"},
		{`{"generationConfig":{"temperature":1},"safetySettings":[],"labels":{"a":"b"},"store":true}`, ""},
	}
}

func TestRead_NeedsWhatReachesFurther(t *testing.T) {
	for _, tt := range reaching() {
		if got := needs(t, call.Chat, tt.body); got != tt.want {
			t.Errorf("needs %q, want %q: %s", got, tt.want, tt.body)
		}
	}
	if got := needs(t, call.CountTokens, `{"generateContentRequest":{"model":"models/alias","tools":[{"googleSearch":{}}],"contents":[{"parts":[{"fileData":{"fileUri":"gs://a"}}]}]}}`); got != "web_search generateContentRequest.tools[0].googleSearch, remote_url generateContentRequest.contents[0].parts[0].fileData.fileUri" {
		t.Errorf("a count needs %q", got)
	}
	if got := needs(t, call.Embeddings, `{"requests":[{"content":{"parts":[{"fileData":{"fileUri":"gs://a"}}]}}]}`); got != "remote_url requests[0].content.parts[0].fileData.fileUri" {
		t.Errorf("a batch needs %q", got)
	}
}

func TestRead_Refuses(t *testing.T) {
	for _, tt := range []struct {
		name, body string
		kind       fault.Kind
		field      string
	}{
		{"an array", `[]`, fault.Malformed, ""},
		{"no JSON", `{`, fault.Malformed, ""},
		{"a name twice", `{"contents":[],"contents":[]}`, fault.Malformed, ""},
		{"a field under both names", `{"cachedContent":"a","cached_content":"b"}`, fault.Malformed, "cachedContent"},
		{"a part's field under both names", `{"contents":[{"parts":[{"inlineData":{},"inline_data":{}}]}]}`, fault.Malformed, "contents[0].parts[0].inlineData"},
		{"another case", `{"Contents":[]}`, fault.Unsupported, "contents"},
		{"another case of a snake", `{"Cached_content":"a"}`, fault.Unsupported, "cachedContent"},
		{"underscores elsewhere", `{"cachedcon_tent":"a"}`, fault.Unsupported, "cachedContent"},
		{"folding", `{"\u017ftore":true}`, fault.Unsupported, "store"},
		{"another case within", `{"contents":[{"parts":[{"fileData":{"fileURI":"gs://a"}}]}]}`, fault.Unsupported, "contents[0].parts[0].fileData.fileUri"},
		{"an unknown part", `{"contents":[{"parts":[{"hologram":{}}]}]}`, fault.Unsupported, "contents[0].parts[0]"},
		{"an unknown part of a result", `{"contents":[{"parts":[{"functionResponse":{"parts":[{"hologram":{}}]}}]}]}`, fault.Unsupported, "contents[0].parts[0].functionResponse.parts[0]"},
		{"an unknown tool", `{"tools":[{"timeMachine":{}}]}`, fault.Unsupported, "tools[0]"},
		{"a part of two kinds", `{"contents":[{"parts":[{"text":"a","fileData":{"fileUri":"files/1"}}]}]}`, fault.Malformed, "contents[0].parts[0]"},
		{"contents that are no list", `{"contents":{}}`, fault.Malformed, "contents"},
		{"text that is no string", `{"contents":[{"parts":[{"text":1}]}]}`, fault.Malformed, "contents[0].parts[0].text"},
		{"store that is no boolean", `{"store":"true"}`, fault.Malformed, "store"},
		{"another model than the path's", `{"model":"models/other"}`, fault.Malformed, "model"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := read(call.Chat, tt.body)
			var f *fault.Fault
			if !errors.As(err, &f) || f.Kind != tt.kind || f.Field != tt.field || !f.NoRetry {
				t.Errorf("got %v, want %s of %q", err, tt.kind, tt.field)
			}
		})
	}
	in := inbound(call.Chat, "alias", true, []byte(`{}`))
	in.Query = url.Values{"$alt": {"proto"}}
	if _, err := (gemini.Reader{}).Read(in, new(wire.Scanner), dialect.Listener{}); kindOf(err) != fault.Unsupported {
		t.Errorf("a reply in another form: %v", err)
	}
}

func TestRead_TellsWhatTheGatesAsk(t *testing.T) {
	r, err := read(call.Chat, `{"generationConfig":{"candidateCount":"3","maxOutputTokens":77},"nonsense":1,"more_nonsense":{}}`)
	if err != nil {
		t.Fatal(err)
	}
	a := r.Asked()
	if a.Alias != "alias" || a.Stream || a.Choices != 3 || a.MaxOutput != 77 || !slices.Equal(a.Unknown, []string{"nonsense", "more_nonsense"}) {
		t.Errorf("%+v", a)
	}
	s, err := gemini.Reader{}.Read(inbound(call.Chat, "models/alias", true, []byte(`{}`)), new(wire.Scanner), dialect.Listener{})
	if err != nil || !s.Asked().Stream || !s.Asked().Usage || s.Asked().Alias != "alias" {
		t.Errorf("%+v, %v", s, err)
	}
}

func TestRead_HearsEveryString(t *testing.T) {
	body := `{"contents":[{"role":"user","parts":[{"text":"pro\u0073e"},{"inlineData":{"mimeType":"image/png","data":"SECRETBYTES"}},
		{"fileData":{"fileUri":"gs://SECRETPLACE"}},{"functionCall":{"name":"tool","args":{"type":"argument","list":["element"]}}},
		{"functionResponse":{"name":"tool","response":{"id":"answer"},"parts":[{"inlineData":{"mimeType":"audio/wav","data":"SECRETSOUND"}}]}},
		{"executableCode":{"language":"PYTHON","code":"print()"}}]}],
		"systemInstruction":{"parts":[{"text":"system"}]},
		"tools":[{"functionDeclarations":[{"name":"tool","description":"about","parameters":{"type":"OBJECT","properties":{"prop":{"type":"STRING","enum":["one"],"description":"of prop"}}}}]}],
		"generationConfig":{"stopSequences":["stop"],"responseMimeType":"application/json","speechConfig":{"voiceConfig":{"replicatedVoiceConfig":{"voiceSampleAudio":"SECRETVOICE"}}}},
		"labels":{"type":"value of a label"},"cachedContent":"cachedContents/1","unknown":{"x":"in the unknown"}}`
	var texts, names, unread []string
	l := dialect.Listener{
		Text:   func(b []byte) { texts = append(texts, string(b)) },
		Name:   func(b []byte) { names = append(names, string(b)) },
		Unread: func(m dialect.Medium) { unread = append(unread, string(m)) },
	}
	if _, err := (gemini.Reader{}).Read(inbound(call.Chat, "alias", false, []byte(body)), new(wire.Scanner), l); err != nil {
		t.Fatal(err)
	}
	want := []string{"prose", "argument", "element", "answer", "PYTHON", "print()", "system", "about", "of prop", "stop", "value of a label", "in the unknown"}
	if !slices.Equal(texts, want) {
		t.Errorf("texts %q, want %q", texts, want)
	}
	if want := "image opaque audio audio"; strings.Join(unread, " ") != want {
		t.Errorf("unread %q, want %q", unread, want)
	}
	for _, n := range []string{"user", "tool", "OBJECT", "one", "prop", "application/json", "cachedContents/1", "contents"} {
		if !slices.Contains(names, n) {
			t.Errorf("the name %q is not heard", n)
		}
	}
	if all := fmt.Sprint(texts, names); strings.Contains(all, "SECRET") {
		t.Errorf("bytes were heard as text: %s", all)
	}
}

func TestRelay_ChangesOnlyTheWrittenList(t *testing.T) {
	vertex := &dialect.Upstream{Model: "gemini-2.5-pro", Surface: gemini.Vertex, Project: "p", Location: "us-east4"}
	for _, tt := range []struct {
		name   string
		action call.Action
		stream bool
		to     *dialect.Upstream
		body   string
		path   string
		want   string
	}{
		{"a body without a model", call.Chat, false, api, `{ "contents" : [] }`, "/v1beta/models/gemini-3-pro:generateContent", `{ "contents" : [] }`},
		{"a stream", call.Chat, true, api, `{}`, "/v1beta/models/gemini-3-pro:streamGenerateContent?alt=sse", `{}`},
		{"vertex", call.Chat, true, vertex, `{}`, "/v1beta1/projects/p/locations/us-east4/publishers/google/models/gemini-2.5-pro:streamGenerateContent?alt=sse", `{}`},
		{"an id with a place", call.Chat, false, &dialect.Upstream{Model: "tunedModels/a b", APIVersion: "v1"}, `{}`, "/v1/tunedModels/a%20b:generateContent", `{}`},
		{"an endpoint", call.Chat, false, &dialect.Upstream{Model: "endpoints/7", Project: "p", Location: "l", APIVersion: "v1"}, `{}`, "/v1/projects/p/locations/l/endpoints/7:generateContent", `{}`},
		{"model and store", call.Chat, false, api, `{"model":"models/alias","store" : true,"x":1.50}`, "/v1beta/models/gemini-3-pro:generateContent", `{"model":"models/gemini-3-pro","store" : false,"x":1.50}`},
		{"store that is granted", call.Chat, false, &dialect.Upstream{Model: "m", Store: true}, `{"store":true}`, "/v1beta/models/m:generateContent", `{"store":true}`},
		{"a count", call.CountTokens, false, api, `{"generateContentRequest":{"contents":[],"model":"models/alias"}}`, "/v1beta/models/gemini-3-pro:countTokens", `{"generateContentRequest":{"contents":[],"model":"models/gemini-3-pro"}}`},
		{"one vector", call.Embeddings, false, api, `{"content":{"parts":[{"text":"a"}]}}`, "/v1beta/models/gemini-3-pro:embedContent", `{"content":{"parts":[{"text":"a"}]}}`},
		{"a batch", call.Embeddings, false, api, `{"requests":[{"model":"models/alias"},{"model":"models/alias"}]}`, "/v1beta/models/gemini-3-pro:batchEmbedContents", `{"requests":[{"model":"models/gemini-3-pro"},{"model":"models/gemini-3-pro"}]}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, err := gemini.Reader{}.Read(inbound(tt.action, "alias", tt.stream, []byte(tt.body)), new(wire.Scanner), dialect.Listener{})
			if err != nil {
				t.Fatal(err)
			}
			got := r.Relay(tt.to)
			if got.Path != tt.path || string(got.Body.Append(nil)) != tt.want {
				t.Errorf("got %s %s\nwant %s %s", got.Path, got.Body.Append(nil), tt.path, tt.want)
			}
		})
	}
	in := inbound(call.Chat, "alias", true, []byte(`{}`))
	in.Query = url.Values{"key": {"secret"}}
	r, err := gemini.Reader{}.Read(in, new(wire.Scanner), dialect.Listener{})
	if err != nil || !gemini.Array(in) || r.Relay(api).Path != "/v1beta/models/gemini-3-pro:streamGenerateContent" {
		t.Errorf("an array that is streamed: %v, %+v", err, r)
	}
}
