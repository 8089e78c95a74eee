package bedrock_test

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"bulkhead/call"
	"bulkhead/dialect"
	"bulkhead/dialect/bedrock"
	"bulkhead/fault"
	"bulkhead/wire"
)

// scan reads a body of Converse and tells what was heard: text, names, and
// what cannot be read.
func scan(action call.Action, body string) (dialect.Request, string, error) {
	var heard strings.Builder
	note := func(kind string) func([]byte) {
		return func(b []byte) { fmt.Fprintf(&heard, "%s:%s|", kind, b) }
	}
	var s wire.Scanner
	r, err := bedrock.Reader{}.Read(&dialect.Inbound{Action: action, Model: "alias", Body: []byte(body)}, &s,
		dialect.Listener{Text: note("text"), Name: note("name"), Unread: func(m dialect.Medium) { fmt.Fprintf(&heard, "unread:%s|", m) }})
	return r, heard.String(), err
}

func block(b string) string { return `{"messages":[{"role":"user","content":[` + b + `]}]}` }

// reachingRows are requests that ask for more than an answer, or seem to, and what.
var reachingRows = []struct{ name, body, want string }{
	{"text alone", block(`{"text":"x"}`), ""},
	{"an image in S3", block(`{"image":{"format":"png","source":{"s3Location":{"uri":"s3://b/k"}}}}`), "remote_url messages[0].content[0].image.source.s3Location"},
	{"a document in S3, in a result", block(`{"toolResult":{"toolUseId":"t","content":[{"text":"x"},{"document":{"name":"d","source":{"s3Location":{"uri":"s3://b/k"}}}}]}}`), "remote_url messages[0].content[0].toolResult.content[1].document.source.s3Location"},
	{"a film in S3", block(`{"video":{"format":"mp4","source":{"s3Location":{"uri":"s3://b/k"}}}}`), "remote_url messages[0].content[0].video.source.s3Location"},
	{"an escaped name", block(`{"image":{"format":"png","source":{"s3\u004cocation":{"uri":"s3://b/k"}}}}`), "remote_url messages[0].content[0].image.source.s3Location"},
	{"web grounding", `{"toolConfig":{"tools":[{"systemTool":{"name":"nova_grounding"}}]}}`, "web_search toolConfig.tools[0].systemTool.name"},
	{"code interpreter", `{"toolConfig":{"tools":[{"systemTool":{"name":"nova_code_interpreter"}}]}}`, "code_interpreter toolConfig.tools[0].systemTool.name"},
	{"a guardrail", `{"guardrailConfig":{"guardrailIdentifier":"g","guardrailVersion":"1"}}`, "guardrail guardrailConfig"},
	{"a guardrail of null", `{"guardrailConfig":null}`, ""},
	{"a kept prompt", `{"promptVariables":{"a":{"text":"x"}}}`, "prompt_id promptVariables"},
	{"a tool of a server's, added", block(`{"toolAddition":{"tool":{"type":"mcp","name":"t","serverName":"s"}}}`), "mcp messages[0].content[0].toolAddition.tool.serverName"},
	{"a model's own server of tools", `{"additionalModelRequestFields":{"mcp_servers":[{"url":"https://x"}]}}`, "mcp additionalModelRequestFields.mcp_servers"},
	{"a model's own tools", `{"additionalModelRequestFields":{"tools":[{"type":"computer_20250124","name":"c"},{"type":"bash_20250124","name":"b"},{"name":"own","input_schema":{}},{"type":"web_search_20250305","name":"w"},{"type":"code_execution_20250522","name":"e"}]}}`,
		"computer_use additionalModelRequestFields.tools[0].type web_search additionalModelRequestFields.tools[3].type code_interpreter additionalModelRequestFields.tools[4].type"},
	{"a container", `{"additionalModelRequestFields":{"container":"c_1"}}`, "code_interpreter additionalModelRequestFields.container"},
	{"store is false", `{"additionalModelRequestFields":{"store":false}}`, ""},
	{"store is true", `{"additionalModelRequestFields":{"store":true}}`, "store additionalModelRequestFields.store"},
	{"fields that other APIs have", `{"additionalModelRequestFields":{"file_ids":[],"web_search_options":{},"previous_response_id":"r","prompt":{},"models":[],"background":true}}`,
		"file_id additionalModelRequestFields.file_ids web_search additionalModelRequestFields.web_search_options conversation_id additionalModelRequestFields.previous_response_id prompt_id additionalModelRequestFields.prompt vendor_fallback additionalModelRequestFields.models background additionalModelRequestFields.background"},
}

func TestRead_NamesWhatARequestAsksOfTheVendor(t *testing.T) {
	for _, row := range reachingRows {
		r, _, err := scan(call.Chat, row.body)
		if err != nil {
			t.Errorf("%s: %v", row.name, err)
			continue
		}
		var got []string
		for _, n := range r.Asked().Needs {
			got = append(got, string(n.Capability)+" "+n.Field)
		}
		if strings.Join(got, " ") != row.want {
			t.Errorf("%s: got %q, want %q", row.name, got, row.want)
		}
	}
}

func TestRead_RefusesByNameWhatItDoesNotKnow(t *testing.T) {
	for _, row := range []struct{ name, body, kind, field string }{
		{"no JSON", `{`, "malformed", ""},
		{"no object", `[]`, "malformed", ""},
		{"twice", `{"messages":[],"messages":[]}`, "malformed", ""},
		{"twice in a block", block(`{"text":"a","te\u0078t":"b"}`), "malformed", ""},
		{"another case", `{"Messages":[]}`, "unsupported_parameter", "messages"},
		{"another case within", block(`{"image":{"format":"png","Source":{}}}`), "unsupported_parameter", "messages[0].content[0].image.source"},
		{"a block of two kinds", block(`{"text":"a","image":{}}`), "malformed", "messages[0].content[0]"},
		{"a block of none", block(`{}`), "malformed", "messages[0].content[0]"},
		{"a new block", block(`{"hologram":{}}`), "unsupported_parameter", "messages[0].content[0]"},
		{"a new source", block(`{"image":{"format":"png","source":{"url":"https://x"}}}`), "unsupported_parameter", "messages[0].content[0].image.source"},
		{"a new tool", `{"toolConfig":{"tools":[{"agentTool":{}}]}}`, "unsupported_parameter", "toolConfig.tools[0]"},
		{"a new hosted tool", `{"toolConfig":{"tools":[{"systemTool":{"name":"nova_memory"}}]}}`, "unsupported_parameter", "toolConfig.tools[0].systemTool.name"},
		{"a model's new tool", `{"additionalModelRequestFields":{"tools":[{"type":"teleport_1"}]}}`, "unsupported_parameter", "additionalModelRequestFields.tools[0].type"},
		{"a model's tool in another case", `{"additionalModelRequestFields":{"tools":[{"Type":"web_search"}]}}`, "unsupported_parameter", "additionalModelRequestFields.tools[0].type"},
		{"a model's field in another case", `{"additionalModelRequestFields":{"MCP_servers":[]}}`, "unsupported_parameter", "additionalModelRequestFields.MCP_servers"},
		{"a list that is none", `{"messages":{}}`, "malformed", "messages"},
		{"a block that is none", block(`"x"`), "malformed", "messages[0].content[0]"},
		{"a limit that is no number", `{"inferenceConfig":{"maxTokens":"5"}}`, "malformed", "inferenceConfig.maxTokens"},
	} {
		_, _, err := scan(call.Chat, row.body)
		f := fault.From(err)
		if f == nil || string(f.Kind) != row.kind || f.Field != row.field {
			t.Errorf("%s: got %+v, want %s at %s", row.name, f, row.kind, row.field)
		}
	}
	if _, _, err := scan(call.CountTokens, `{"input":{"invokeModel":{"body":"aGk="}}}`); fault.From(err) == nil || fault.From(err).Field != "input.invokeModel" {
		t.Errorf("a body in a body: %v", err)
	}
}

func TestRead_HearsEveryString(t *testing.T) {
	for _, row := range []struct{ body, want string }{
		{block(`{"text":"SECRET\u002f\/x"}`), "text:SECRET//x|"},
		{block(`{"image":{"format":"png","source":{"bytes":"iVBO"}}}`), "name:bytes|unread:image|"},
		{block(`{"document":{"format":"pdf","name":"the plan","source":{"bytes":"JVBE"},"context":"who"}}`), "text:the plan|name:source|name:bytes|unread:document|name:context|text:who|"},
		{block(`{"document":{"name":"n","source":{"text":"inside"}}}`), "name:text|text:inside|"},
		{block(`{"video":{"format":"mp4","source":{"bytes":"AAAA"}}}`), "unread:video|"},
		{block(`{"audio":{"format":"mp3","source":{"s3Location":{"uri":"s3://b/k"}}}}`), "name:s3Location|unread:audio|name:uri|text:s3://b/k|"},
		{block(`{"toolUse":{"toolUseId":"t_1","name":"find","input":{"q":"deep","n":[{"m":"er"}]}}}`), "name:t_1|name:name|name:find|name:input|name:q|text:deep|name:n|name:m|text:er|"},
		{block(`{"guardContent":{"text":{"text":"guarded","qualifiers":["query"]}}}`), "text:guarded|name:qualifiers|name:query|"},
		{block(`{"reasoningContent":{"reasoningText":{"text":"hm","signature":"c2ln"}}}`), "text:hm|name:signature|name:c2ln|"},
		{block(`{"searchResult":{"source":"https://x","title":"T","content":[{"text":"found"}]}}`), "text:https://x|name:title|text:T|name:content|name:text|text:found|"},
		{`{"system":[{"text":"be brief"}]}`, "text:be brief|"},
		{`{"requestMetadata":{"case":"SECRET"}}`, "name:case|text:SECRET|"},
		{`{"promptVariables":{"v":{"text":"filled"}}}`, "text:filled|"},
		{`{"additionalModelRequestFields":{"system":"hidden","tools":[{"name":"n","description":"said"}]}}`, "name:system|text:hidden|name:tools|name:name|name:n|name:description|text:said|"},
		{`{"additionalModelRequestFields":"bare"}`, "text:bare|"},
		{`{"toolConfig":{"tools":[{"toolSpec":{"name":"n","description":"does","inputSchema":{"json":{"type":"object","description":"of it","enum":["a"]}}}}]}}`, "text:does|name:inputSchema|name:json|name:type|name:object|name:description|text:of it|name:enum|name:a|"},
		{`{"outputConfig":{"textFormat":{"type":"json_schema","structure":{"jsonSchema":{"schema":"{\"a\":1}"}}}}}`, `text:{"a":1}|`},
		{`{"new":{"deep":["inside"]}}`, "name:new|name:deep|text:inside|"},
		{`{"inferenceConfig":{"stopSequences":["STOP"]}}`, "text:STOP|"},
	} {
		_, heard, err := scan(call.Chat, row.body)
		if err != nil || !strings.Contains(heard, row.want) {
			t.Errorf("%s: %v\nheard %s\nwant  %s", row.body, err, heard, row.want)
		}
	}
}

func TestRead_TakesLimitsAndUnknownFields(t *testing.T) {
	r, _, err := scan(call.Chat, `{"inferenceConfig":{"maxTokens":7},"additionalModelRequestFields":{"max_tokens":9,"inferenceConfig":{"maxTokens":8},"fancy":1},"later":1}`)
	if err != nil {
		t.Fatal(err)
	}
	a := r.Asked()
	if a.MaxOutput != 9 || fmt.Sprint(a.Unknown) != "[additionalModelRequestFields.fancy later]" || a.Alias != "alias" {
		t.Errorf("got %+v", a)
	}
}

func TestRelay_ChangesThePathAlone(t *testing.T) {
	body := []byte(` { "messages" : [] , "new":1.0e1 } `)
	for _, row := range []struct {
		in   dialect.Inbound
		path string
	}{
		{dialect.Inbound{Action: call.Chat}, "converse"},
		{dialect.Inbound{Action: call.Chat, Stream: true}, "converse-stream"},
	} {
		row.in.Body, row.in.Model = body, "alias"
		row.in.Header = http.Header{"X-Amzn-Bedrock-Trace": {"ENABLED"}, "Cookie": {"x"}}
		var s wire.Scanner
		r, err := bedrock.Reader{}.Read(&row.in, &s, dialect.Listener{})
		if err != nil {
			t.Fatal(err)
		}
		out := r.Relay(&dialect.Upstream{Model: "arn:aws-us-gov:bedrock:us-gov-west-1:123456789012:inference-profile/us.a.b-v1:0"})
		var b bytes.Buffer
		if _, err := out.Body.WriteTo(&b); err != nil {
			t.Fatal(err)
		}
		want := "/model/arn%3Aaws-us-gov%3Abedrock%3Aus-gov-west-1%3A123456789012%3Ainference-profile%2Fus.a.b-v1%3A0/" + row.path
		if !bytes.Equal(b.Bytes(), body) || out.Path != want || len(out.Header) != 0 {
			t.Errorf("got %s %v %s", out.Path, out.Header, b.Bytes())
		}
	}
}
