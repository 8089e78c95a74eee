package responses_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"bulkhead/call"
	"bulkhead/dialect"
	"bulkhead/dialect/responses"
	"bulkhead/fault"
	"bulkhead/wire"
)

// scan reads a body as the gates do.
func scan(body string) (dialect.Request, error) {
	return responses.Reader{}.Read(&dialect.Inbound{Action: call.Chat, Body: []byte(body)}, new(wire.Scanner), dialect.Listener{})
}

// everything is a request that uses every field that is read.
const everything = `{"model":"chat","instructions":"be brief","input":[
 {"role":"system","content":"be kind"},
 {"type":"message","role":"user","content":[
  {"type":"input_text","text":"hi \ud83d\ude00 \u00e9"},
  {"type":"input_image","image_url":"data:image/png;base64,AAAA","detail":"low"},
  {"type":"input_image","image_url":"https:\/\/example.gov\/a.png"},
  {"type":"input_image","file_id":"file-1"},
  {"type":"input_file","file_data":"data:application/pdf;base64,AAAA","filename":"a.pdf"},
  {"type":"input_file","file_url":"https://example.gov/a.pdf"},
  {"type":"input_file","file_id":"file-2"},
  {"type":"input_audio","input_audio":{"data":"AAAA","format":"wav"}}]},
 {"type":"reasoning","id":"rs_1","summary":[{"type":"summary_text","text":"hm"}],"encrypted_content":"gAAA"},
 {"type":"function_call","call_id":"c1","name":"f","arguments":"{}"},
 {"type":"function_call_output","call_id":"c1","output":[{"type":"input_text","text":"1"},{"type":"input_image","image_url":"http://example.gov/b"}]},
 {"type":"computer_call_output","call_id":"c2","output":{"type":"computer_screenshot","image_url":"https://example.gov/c"}},
 {"type":"shell_call_output","call_id":"c3","output":[{"stdout":"a","stderr":"","outcome":{"type":"exit","exit_code":0}}]},
 {"type":"mcp_list_tools","id":"m1","server_label":"s","tools":[{"name":"t","input_schema":{}}]},
 {"type":"additional_tools","role":"developer","tools":[{"type":"web_search"}]},
 {"type":"item_reference","id":"msg_1"},
 {"id":"msg_2"}],
 "tools":[{"type":"function","name":"f","parameters":{"type":"object","properties":{"model":{"type":"string"}}}},{"type":"custom","name":"g"},
  {"type":"mcp","server_label":"x"},{"type":"shell","environment":{"type":"local"}},{"type":"shell","environment":{"type":"container_auto","file_ids":["f"],"network_policy":{"type":"allowlist","allowed_domains":["a"]},"skills":[{"type":"skill_reference","skill_id":"s"}]}},
  {"type":"shell"},{"type":"code_interpreter","container":"cntr_1"},{"type":"namespace","name":"n","description":"d","tools":[{"type":"function","name":"h"}]},
  {"type":"image_generation","input_image_mask":{"image_url":"https://example.gov/m"}},{"type":"computer_use_preview"},{"type":"file_search","vector_store_ids":["v"]},
  {"type":"local_shell"},{"type":"apply_patch"},{"type":"tool_search"},{"type":"programmatic_tool_calling"}],
 "tool_choice":{"type":"function","name":"f"},"stream":true,"store":true,"max_output_tokens":20,"temperature":1e-2,
 "text":{"format":{"type":"json_schema","name":"n","schema":{"type":"object"}}},"reasoning":{"effort":"low"},"include":["message.output_text.logprobs"],
 "conversation":"conv_1","prompt":{"id":"pmpt_1"},"background":true,"prompt_cache_retention":"24h","plugins":[],"x_unknown":{"a":[1,2,{"b":null}]}}`

func TestRead_GivesWhatTheRequestAsks(t *testing.T) {
	r, err := scan(everything)
	if err != nil {
		t.Fatal(err)
	}
	a := r.Asked()
	if a.Alias != "chat" || !a.Stream || !a.Usage || a.Choices != 0 || a.MaxOutput != 20 || a.Tokens {
		t.Errorf("got %+v", a)
	}
	if want := []string{"plugins", "x_unknown"}; !reflect.DeepEqual(a.Unknown, want) {
		t.Errorf("unknown %q, want %q", a.Unknown, want)
	}
	var needs []string
	for _, n := range a.Needs {
		needs = append(needs, fmt.Sprintf("%s at %s", n.Capability, n.Field))
	}
	want := []string{
		"remote_url at input[1].content[2].image_url",
		"file_id at input[1].content[3].file_id",
		"remote_url at input[1].content[5].file_url",
		"file_id at input[1].content[6].file_id",
		"remote_url at input[4].output[1].image_url",
		"remote_url at input[5].output.image_url",
		"web_search at input[8].tools[0].type",
		"conversation_id at input[9].id",
		"conversation_id at input[10].id",
		"mcp at tools[2].type",
		"file_id at tools[4].environment.file_ids",
		"remote_url at tools[4].environment.network_policy",
		"prompt_id at tools[4].environment.skills[0]",
		"code_interpreter at tools[4].type",
		"code_interpreter at tools[5].type",
		"file_id at tools[6].container",
		"code_interpreter at tools[6].type",
		"remote_url at tools[8].input_image_mask.image_url",
		"image_generation at tools[8].type",
		"computer_use at tools[9].type",
		"file_search at tools[10].type",
		"code_interpreter at tools[14].type",
		"conversation_id at conversation",
		"prompt_id at prompt",
		"background at background",
		"store at prompt_cache_retention",
		"web_search at plugins",
	}
	if !reflect.DeepEqual(needs, want) {
		t.Errorf("needs\n%s\nwant\n%s", strings.Join(needs, "\n"), strings.Join(want, "\n"))
	}
}

// A body that breaks off anywhere is malformed, and nothing worse happens.
func TestRead_RefusesEveryPartOfARequest(t *testing.T) {
	bodies := map[string]string{"everything": everything}
	for name, b := range requests(t) {
		bodies[name] = string(b)
	}
	for name, body := range bodies {
		for n := range len(body) {
			r, err := scan(body[:n])
			var f *fault.Fault
			if err == nil || r != nil || !errors.As(err, &f) || f.Kind != fault.Malformed {
				t.Fatalf("%s cut at %d: got %v, %v: …%q", name, n, r, err, body[max(0, n-60):n])
			}
		}
	}
}

func TestRead_RefusesByName(t *testing.T) {
	input := func(s string) string { return `{"model":"m","input":[` + s + `]}` }
	for _, row := range []struct {
		body, field string
		kind        fault.Kind
	}{
		{`{"model":"m","previous_response_id":"resp_1"}`, "previous_response_id", fault.PreviousNotFound},
		{`{"model":"m","previous_response_id":""}`, "previous_response_id", fault.PreviousNotFound},
		{`{"model":"m","previous_response_id":7}`, "previous_response_id", fault.Malformed},
		{`{"Model":"m"}`, "model", fault.Unsupported},
		{`{"ſtore":true}`, "store", fault.Unsupported},
		{`{"Conversation":"x"}`, "conversation", fault.Unsupported},
		{`{"MCP_servers":[]}`, "mcp_servers", fault.Unsupported},
		{`{"model":1}`, "model", fault.Malformed},
		{`{"store":"yes"}`, "store", fault.Malformed},
		{`{"max_output_tokens":1.5}`, "max_output_tokens", fault.Malformed},
		{`{"include":"x"}`, "include", fault.Malformed},
		{`{"include":[1]}`, "include[0]", fault.Malformed},
		{`{"input":{}}`, "input", fault.Malformed},
		{`{"input":["a"]}`, "input[0]", fault.Malformed},
		{`{"reasoning":{"Effort":"low"}}`, "reasoning.effort", fault.Unsupported},
		{input(`{"type":"telepathy"}`), "input[0].type", fault.Unsupported},
		{input(`{"content":"x"}`), "input[0].type", fault.Malformed},
		{input(`{"type":"message","Role":"user","content":"x"}`), "input[0].role", fault.Unsupported},
		{input(`{"role":"user","content":[{"type":"input_telepathy"}]}`), "input[0].content[0].type", fault.Unsupported},
		{input(`{"role":"user","content":[{"text":"x"}]}`), "input[0].content[0].type", fault.Malformed},
		{input(`{"role":"user","content":[{"type":"input_image","Image_URL":"https://x"}]}`), "input[0].content[0].image_url", fault.Unsupported},
		{input(`{"role":"user","content":[{"type":"input_image","image_url":7}]}`), "input[0].content[0].image_url", fault.Malformed},
		{input(`{"type":"function_call_output","call_id":"a","output":[{"text":"x"}]}`), "input[0].output[0].type", fault.Malformed},
		{input(`{"type":"additional_tools","tools":[{"type":"telepathy"}]}`), "input[0].tools[0].type", fault.Unsupported},
		{input(`{"type":"tool_search_output","tools":[{"name":"x"}]}`), "input[0].tools[0].type", fault.Malformed},
		{`{"tools":[{"type":"telepathy"}]}`, "tools[0].type", fault.Unsupported},
		{`{"tools":[{"name":"x"}]}`, "tools[0].type", fault.Malformed},
		{`{"tools":[{"type":"namespace","name":"n","tools":[{"type":"telepathy"}]}]}`, "tools[0].tools[0].type", fault.Unsupported},
		{`{"tools":[{"type":"shell","Environment":{"type":"local"}}]}`, "tools[0].environment", fault.Unsupported},
		{`{"model":"m","model":"n"}`, "", fault.Malformed},
		{`{"model":"m","mod\u0065l":"n"}`, "", fault.Malformed},
		{`[]`, "", fault.Malformed},
	} {
		_, err := scan(row.body)
		var f *fault.Fault
		if !errors.As(err, &f) || f.Kind != row.kind || f.Field != row.field || !f.NoRetry {
			t.Errorf("%s: got %v at %q, want %s at %s", row.body, err, fault.From(err).Field, row.kind, row.field)
		}
	}
	for _, fine := range []string{
		`{"model":"m","previous_response_id":null,"conversation":null,"background":false,"prompt":null}`,
		`{"model":"m","tools":null,"include":null,"input":"x"}`,
	} {
		if r, err := scan(fine); err != nil || len(r.Asked().Needs) > 0 {
			t.Errorf("%s: %v", fine, err)
		}
	}
}

// addresses are what a vendor might fetch.
var addresses = []string{
	"http://example.gov/a.png", "https://example.gov/a.png", "HTTPS://EXAMPLE.GOV/A", " http://example.gov/a", "ftp://example.gov/a",
	"gs://bucket/a", "file:///etc/passwd", "//example.gov/a", "example.gov/a.png", "data", "file-abc123", "javascript:1",
}

func TestRead_OnlyInlineBytesPassWithoutAGrant(t *testing.T) {
	for _, form := range []string{
		`{"role":"user","content":[{"type":"input_image","image_url":%}]}`,
		`{"role":"user","content":[{"type":"input_image","image_url":{"url":%}}]}`,
		`{"role":"user","content":[{"image_url":%,"type":"input_text","text":"hidden beside a text"}]}`,
		`{"role":"user","content":[{"type":"input_file","file_url":%}]}`,
		`{"role":"user","content":[{"type":"input_image","image\u005furl":%}]}`,
		`{"type":"reasoning","summary":[{"type":"input_image","image_url":%}]}`,
		`{"type":"custom_tool_call_output","call_id":"c","output":[{"type":"input_image","image_url":%}]}`,
		`{"type":"computer_call_output","call_id":"c","output":{"type":"computer_screenshot","image_url":%}}`,
		`{"type":"code_interpreter_call","id":"c","outputs":[{"type":"image","url":%}]}`,
	} {
		for _, a := range addresses {
			body := `{"model":"m","input":[` + strings.Replace(form, "%", `"`+a+`"`, 1) + `]}`
			r, err := scan(body)
			if err != nil || len(r.Asked().Needs) != 1 || r.Asked().Needs[0].Capability != call.RemoteURL {
				t.Errorf("%s: %v", body, err)
			}
		}
		body := `{"model":"m","input":[` + strings.Replace(form, "%", `"data:image/png;base64,AAAA"`, 1) + `]}`
		if r, err := scan(body); err != nil || len(r.Asked().Needs) != 0 {
			t.Errorf("%s: %v", body, err)
		}
	}
	for _, a := range addresses[:4] {
		body := `{"model":"m","input":[{"role":"user","content":[{"type":"input_file","file_data":"` + a + `"}]}]}`
		if r, err := scan(body); err != nil || len(r.Asked().Needs) != 1 {
			t.Errorf("%s: %v", body, err)
		}
	}
}

func TestRead_HearsEveryStringOnceAndMediaNever(t *testing.T) {
	var texts, names []string
	var media []dialect.Medium
	l := dialect.Listener{
		Text:   func(b []byte) { texts = append(texts, string(b)) },
		Name:   func(b []byte) { names = append(names, string(b)) },
		Unread: func(m dialect.Medium) { media = append(media, m) },
	}
	if _, err := (responses.Reader{}).Read(&dialect.Inbound{Action: call.Chat, Body: []byte(everything)}, new(wire.Scanner), l); err != nil {
		t.Fatal(err)
	}
	if got, want := strings.Join(texts, "|"), "be brief|be kind|hi 😀 é|hm|{}|1|a||d|conv_1"; got != want {
		t.Errorf("text %q\nwant %q", got, want)
	}
	wantMedia := []dialect.Medium{dialect.Image, dialect.Image, dialect.Opaque, dialect.Document, dialect.Document, dialect.Opaque, dialect.Audio, dialect.Image, dialect.Image, dialect.Opaque, dialect.Opaque, dialect.Image}
	if !reflect.DeepEqual(media, wantMedia) {
		t.Errorf("media %v\nwant  %v", media, wantMedia)
	}
	all := strings.Join(names, "|")
	for _, want := range []string{"chat", "gAAA", "function_call", "x_unknown", "properties", "reasoning", "msg_2", "a.pdf"} {
		if !strings.Contains(all, want) {
			t.Errorf("%q is not heard as a name: %s", want, all)
		}
	}
	for _, secret := range []string{"AAAA\"", "base64", "example.gov/a.png", "file-1"} {
		if strings.Contains(all+strings.Join(texts, "|"), secret) {
			t.Errorf("%q is heard", secret)
		}
	}
}
