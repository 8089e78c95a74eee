package openai_test

import (
	"strings"
	"testing"

	"bulkhead/call"
	"bulkhead/dialect"
	"bulkhead/dialect/openai"
	"bulkhead/wire"
)

// heard reads a body and gives what a listener hears of it: text as it is,
// names in angle brackets, unread parts in square ones.
func heard(t *testing.T, a call.Action, body string) string {
	t.Helper()
	var got []string
	_, err := openai.Read(a, []byte(body), new(wire.Scanner), dialect.Listener{
		Text:   func(b []byte) { got = append(got, string(b)) },
		Name:   func(b []byte) { got = append(got, "<"+string(b)+">") },
		Unread: func(m dialect.Medium) { got = append(got, "["+string(m)+"]") },
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(got, " ")
}

func TestRead_IsHeardWhole(t *testing.T) {
	for _, tt := range []struct {
		name string
		a    call.Action
		body string
		want string
	}{
		{"text, with escapes undone", call.Chat, `{"model":"m","messages":[{"role":"user","content":"\u0028S\/\/NF) x"}]}`,
			"<model> <m> <messages> <role> <user> <content> (S//NF) x"},
		{"text parts in order", call.Chat, `{"messages":[{"role":"user","content":[{"type":"text","text":"SECRET"},{"type":"text","text":"//NOFORN"}]}]}`,
			"<messages> <role> <user> <content> <type> <text> <text> SECRET <type> <text> <text> //NOFORN"},
		{"an image is unread and its bytes are not heard", call.Chat, `{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA","detail":"low"}}]}]}`,
			"<messages> <role> <user> <content> <type> <image_url> <image_url> <url> [image] <detail> <low>"},
		{"sound", call.Chat, `{"messages":[{"content":[{"type":"input_audio","input_audio":{"data":"AAAA","format":"wav"}}]}]}`,
			"<messages> <content> <type> <input_audio> <input_audio> <data> [audio] <format> <wav>"},
		{"a document, and its name", call.Chat, `{"messages":[{"content":[{"type":"file","file":{"file_data":"AAAA","filename":"SECRET plan.pdf"}}]}]}`,
			"<messages> <content> <type> <file> <file> <file_data> [document] <filename> <SECRET plan.pdf>"},
		{"arguments of an earlier call", call.Chat, `{"messages":[{"role":"assistant","tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{\"a\":\"(S)\"}"}}]}]}`,
			`<messages> <role> <assistant> <tool_calls> <id> <c> <type> <function> <function> <name> <f> <arguments> {"a":"(S)"}`},
		{"a schema: descriptions are prose, the rest words", call.Chat, `{"tools":[{"type":"function","function":{"name":"f","description":"(U) finds","parameters":{"properties":{"level":{"enum":["SECRET"],"description":"the level"}}}}}]}`,
			"<tools> <type> <function> <function> <name> <f> <description> (U) finds <parameters> <properties> <level> <enum> <SECRET> <description> the level"},
		{"metadata and unknown fields", call.Chat, `{"metadata":{"case":"SECRET//NOFORN"},"guided":{"x":"(C)"}}`,
			"<metadata> <case> SECRET//NOFORN <guided> <x> (C)"},
		{"texts to embed", call.Embeddings, `{"input":["a","b"],"model":"m"}`, "<input> a b <model> <m>"},
		{"token ids, told once", call.Embeddings, `{"input":[[1,2],[3]]}`, "<input> [token_ids]"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := heard(t, tt.a, tt.body); got != tt.want {
				t.Errorf("heard %s\nwant  %s", got, tt.want)
			}
		})
	}
}
