package anthropic_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"bulkhead/call"
	"bulkhead/dialect"
	"bulkhead/dialect/anthropic"
	"bulkhead/fault"
	"bulkhead/wire"
)

// gate reads a body as the gates do.
func gate(body string, l dialect.Listener, header ...string) (dialect.Request, error) {
	in := &dialect.Inbound{Action: call.Chat, Header: http.Header{}, Body: []byte(body)}
	for i := 0; i+1 < len(header); i += 2 {
		in.Header.Add(header[i], header[i+1])
	}
	return anthropic.Reader{}.Read(in, new(wire.Scanner), l)
}

// message is a body with one block.
func message(block string) string {
	return `{"model":"m","max_tokens":9,"messages":[{"role":"user","content":[` + block + `]}]}`
}

// needs gives what a body asks, in a line: capability at field.
func needs(t *testing.T, body string, header ...string) string {
	t.Helper()
	r, err := gate(body, dialect.Listener{}, header...)
	if err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	var out []string
	for _, n := range r.Asked().Needs {
		out = append(out, fmt.Sprintf("%s at %s", n.Capability, n.Field))
	}
	return strings.Join(out, ", ")
}

func TestRead_SeesWhatARequestAsksOfTheVendor(t *testing.T) {
	tool := func(typ string) string {
		return `{"model":"m","max_tokens":1,"messages":[],"tools":[{"type":"` + typ + `","name":"x"}]}`
	}
	top := func(member string) string { return `{"model":"m","max_tokens":1,"messages":[],` + member + `}` }
	const image = "messages[0].content[0].source"
	for _, row := range []struct{ name, body, want string }{
		{"plain", message(`{"type":"text","text":"https://example.gov/"}`), ""},
		{"image inline", message(`{"type":"image","source":{"type":"base64","media_type":"image/png","data":"iVBORw0KGgo="}}`), ""},
		{"image by address", message(`{"type":"image","source":{"type":"url","url":"https://example.gov/a.png"}}`), "remote_url at " + image + ".url"},
		{"an address as bytes", message(`{"type":"image","source":{"type":"base64","media_type":"image/png","data":"https://example.gov/a.png"}}`), "remote_url at " + image + ".data"},
		{"an address beside bytes", message(`{"type":"image","source":{"type":"base64","data":"AAAA","url":"https://example.gov/"}}`), "remote_url at " + image + ".url"},
		{"a file", message(`{"source":{"file_id":"file_1","type":"file"},"type":"document"}`), "file_id at " + image + ".file_id"},
		{"a document of text", message(`{"type":"document","source":{"type":"text","media_type":"text/plain","data":"https://x"}}`), ""},
		{"an address within a document", message(`{"type":"document","source":{"type":"content","content":[{"type":"image","source":{"type":"url","url":"u"}}]}}`), "remote_url at " + image + ".content[0].source.url"},
		{"an address within a result", message(`{"type":"tool_result","tool_use_id":"t","content":[{"type":"image","source":{"type":"url","url":"u"}}]}`), "remote_url at messages[0].content[0].content[0].source.url"},
		{"an address within a fetched page", message(`{"type":"web_fetch_tool_result","tool_use_id":"t","content":{"type":"web_fetch_result","url":"https://x","content":{"type":"document","source":{"type":"url","url":"u"}}}}`), "remote_url at messages[0].content[0].content.content.source.url"},
		{"an upload", message(`{"type":"container_upload","file_id":"file_1"}`), "file_id at messages[0].content[0].file_id"},
		{"arguments are the caller's", message(`{"type":"tool_use","id":"t","name":"n","input":{"source":{"url":"u"},"file_id":"f"}}`), ""},
		{"custom", tool("custom"), ""}, {"bash", tool("bash_20250124"), ""}, {"editor", tool("text_editor_20250728"), ""}, {"memory", tool("memory_20250818"), ""}, {"tool search", tool("tool_search_tool_regex_20251119"), ""},
		{"search", tool("web_search_20250305"), "web_search at tools[0].type"}, {"a later search", tool("web_search_20990101"), "web_search at tools[0].type"},
		{"fetch", tool("web_fetch_20250910"), "web_search at tools[0].type, remote_url at tools[0].type"},
		{"code", tool("code_execution_20260521"), "code_interpreter at tools[0].type"},
		{"computer", tool("computer_20251124"), "computer_use at tools[0].type"},
		{"advisor", tool("advisor_20260301"), "vendor_fallback at tools[0].type"},
		{"toolset", tool("mcp_toolset"), "mcp at tools[0].type"},
		{"servers", top(`"mcp_servers":[{"type":"url","url":"https://x","name":"n"}]`), "mcp at mcp_servers"},
		{"no servers", top(`"mcp_servers":null`), ""},
		{"container", top(`"container":"c_1"`), "code_interpreter at container, server_side_memory at container"},
		{"skills", top(`"container":{"id":null,"skills":[{"type":"anthropic","skill_id":"s"}]}`), "code_interpreter at container, prompt_id at container.skills"},
		{"fallbacks", top(`"fallbacks":"default"`), "vendor_fallback at fallbacks"},
		{"credit", top(`"fallback_credit_token":"t"`), "vendor_fallback at fallback_credit_token"},
		{"diagnostics", top(`"diagnostics":{"previous_message_id":"msg_1"}`), "conversation_id at diagnostics.previous_message_id"},
		{"no diagnostics", top(`"diagnostics":{"previous_message_id":null}`), ""},
		{"profile", top(`"user_profile_id":"p"`), "server_side_memory at user_profile_id"},
		{"context", top(`"context_management":{"edits":[{"type":"clear_tool_uses_20250919"}]}`), ""},
		{"a beta in the body", top(`"anthropic_beta":["agent-memory-2026-07-22"]`), "server_side_memory at anthropic-beta"},
	} {
		if got := needs(t, row.body); got != row.want {
			t.Errorf("%s: got %q, want %q", row.name, got, row.want)
		}
	}
	if got := needs(t, message(`{"type":"text","text":"x"}`), "Anthropic-Beta", "context-1m-2025-08-07, server-side-fallback-2027-01-01", "Anthropic-User-Profile-Id", "p"); got != "vendor_fallback at anthropic-beta, server_side_memory at anthropic-user-profile-id" {
		t.Errorf("headers: %q", got)
	}
}

func TestRead_RefusesByName(t *testing.T) {
	for _, row := range []struct {
		name, body string
		kind       fault.Kind
		field      string
	}{
		{"a tool's type", `{"model":"m","max_tokens":1,"messages":[],"tools":[{"type":"teleport_20270101"}]}`, fault.Unsupported, "tools[0].type"},
		{"a type without a date", `{"tools":[{"type":"web_search"}]}`, fault.Unsupported, "tools[0].type"},
		{"a block's type", message(`{"type":"hologram"}`), fault.Unsupported, "messages[0].content[0].type"},
		{"a block within a result", message(`{"type":"tool_result","tool_use_id":"t","content":[{"type":"hologram"}]}`), fault.Unsupported, "messages[0].content[0].content[0].type"},
		{"a source's type", message(`{"type":"image","source":{"type":"s3","uri":"s3://x"}}`), fault.Unsupported, "messages[0].content[0].source.type"},
		{"no type", message(`{"text":"x"}`), fault.Malformed, "messages[0].content[0].type"},
		{"no source's type", message(`{"type":"image","source":{"data":"AAAA"}}`), fault.Malformed, "messages[0].content[0].source.type"},
		{"a name twice", `{"model":"m","model":"n"}`, fault.Malformed, ""},
		{"a name twice, deep", message(`{"type":"tool_use","id":"t","name":"n","input":{"a":1,"\u0061":2}}`), fault.Malformed, ""},
		{"another case", `{"Model":"m"}`, fault.Unsupported, "model"},
		{"another case of a block", message(`{"Type":"image","type":"text","text":"x"}`), fault.Unsupported, "messages[0].content[0].type"},
		{"another case of a source", message(`{"type":"image","source":{"type":"base64","data":"AAAA","URL":"https://x"}}`), fault.Unsupported, "messages[0].content[0].source.url"},
		{"the wrong kind", `{"model":"m","messages":{}}`, fault.Malformed, "messages"},
		{"a message that is text", `{"messages":["x"]}`, fault.Malformed, "messages[0]"},
		{"content that is a number", `{"messages":[{"role":"user","content":1}]}`, fault.Malformed, "messages[0].content"},
		{"a schema that is text", `{"tools":[{"name":"n","input_schema":"{}"}]}`, fault.Malformed, "tools[0].input_schema"},
		{"no object", `[]`, fault.Malformed, ""},
		{"a version that is not spoken", `{"anthropic_version":"bedrock-1999-01-01"}`, fault.Unsupported, "anthropic_version"},
		{"a truncated body", `{"messages":[{"role":"user","content":[{"type":"image","source":{"type":"base64","data":"AAA`, fault.Malformed, ""},
	} {
		_, err := gate(row.body, dialect.Listener{})
		f := fault.From(err)
		if err == nil || f.Kind != row.kind || f.Field != row.field || !f.NoRetry {
			t.Errorf("%s: %v at %q", row.name, err, f.Field)
		}
	}
	if _, err := gate(`{}`, dialect.Listener{}, "Anthropic-Version", "2099-01-01"); err == nil || fault.From(err).Field != "anthropic-version" {
		t.Errorf("a version of the API that is not known: %v", err)
	}
}

func TestRead_HoldsPathAndBodyAgainstEachOther(t *testing.T) {
	read := func(in dialect.Inbound) (dialect.Request, error) {
		in.Action = call.Chat
		return anthropic.Reader{}.Read(&in, new(wire.Scanner), dialect.Listener{})
	}
	r, err := read(dialect.Inbound{Model: "arn:aws:bedrock:x/y", Stream: true, Body: []byte(`{"anthropic_version":"bedrock-2023-05-31","max_tokens":7,"messages":[]}`)})
	if err != nil {
		t.Fatal(err)
	}
	if a := r.Asked(); a.Alias != "arn:aws:bedrock:x/y" || !a.Stream || !a.Usage || a.MaxOutput != 7 {
		t.Errorf("asked %+v", a)
	}
	for _, in := range []dialect.Inbound{{Model: "a", Body: []byte(`{"model":"b"}`)}, {Model: "a", Body: []byte(`{"stream":true}`)}} {
		if _, err := read(in); err == nil || fault.From(err).Kind != fault.Malformed {
			t.Errorf("%s: %v", in.Body, err)
		}
	}
}

func TestRead_NamesWhatIsNotKnown(t *testing.T) {
	r, err := gate(`{"model":"m","novel":1,"messages":[],"also":{}}`, dialect.Listener{}, "Anthropic-Beta", "mind-reading-2027-01-01,context-1m-2025-08-07")
	if err != nil {
		t.Fatal(err)
	}
	if got := r.Asked().Unknown; !slices.Equal(got, []string{"novel", "also", "anthropic-beta: mind-reading-2027-01-01"}) {
		t.Errorf("%q", got)
	}
}

func TestRead_EveryStringIsHeard(t *testing.T) {
	const body = `{"model":"m\u00e9","system":"sys","max_tokens":1,"stop_sequences":["stop"],"metadata":{"user_id":"uid"},
		"messages":[{"role":"user","content":"said"},
			{"role":"assistant","content":[{"type":"thinking","thinking":"thought","signature":"c2ln"},{"type":"redacted_thinking","data":"cmVk"},
				{"type":"tool_use","id":"t1","name":"lookup","input":{"name":"in a name","type":["in a type"],"deep":{"data":"in data"}}}]},
			{"role":"user","content":[{"type":"tool_result","tool_use_id":"t1","content":"result"},
				{"type":"document","title":"titled","context":"contextual","source":{"data":"docu\nment","type":"text","media_type":"text/plain"}},
				{"source":{"type":"base64","media_type":"image/png","data":"AAAA"},"type":"image"},
				{"type":"document","source":{"type":"base64","media_type":"application/pdf","data":"BBBB"}},
				{"type":"image","source":{"type":"url","url":"https://unheard"}},
				{"type":"search_result","source":"found at","title":"found","content":[{"type":"text","text":"finding"}]}]}],
		"tools":[{"name":"lookup","description":"describes","input_schema":{"type":"object","properties":{"q":{"type":"string","description":"queries","enum":["word"]}}},"input_examples":[{"type":"exemplary"}]}]}`
	var text, names, unread []string
	l := dialect.Listener{
		Text:   func(b []byte) { text = append(text, string(b)) },
		Name:   func(b []byte) { names = append(names, string(b)) },
		Unread: func(m dialect.Medium) { unread = append(unread, string(m)) },
	}
	if _, err := gate(body, l); err != nil {
		t.Fatal(err)
	}
	want := []string{"sys", "stop", "said", "thought", "in a name", "in a type", "in data", "result", "titled", "contextual", "docu\nment", "found at", "found", "finding", "describes", "queries", "exemplary"}
	slices.Sort(text)
	slices.Sort(want)
	if !slices.Equal(text, want) {
		t.Errorf("text\n%q, want\n%q", text, want)
	}
	for _, n := range []string{"mé", "uid", "c2ln", "cmVk", "t1", "lookup", "word", "deep"} {
		if !slices.Contains(names, n) {
			t.Errorf("the name %q is not heard", n)
		}
	}
	if !slices.Equal(unread, []string{"image", "document", "image"}) {
		t.Errorf("unread %q", unread)
	}
	for _, s := range append(slices.Clone(text), names...) {
		if s == "AAAA" || s == "BBBB" || s == "https://unheard" {
			t.Errorf("%q is heard", s)
		}
	}
}
