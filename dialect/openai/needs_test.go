package openai_test

import (
	"errors"
	"strings"
	"testing"

	"bulkhead/fault"
)

// needs gives the capabilities that a body uses, in a line.
func needs(t *testing.T, body string) string {
	t.Helper()
	r, err := read(body)
	if err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	var out []string
	for _, n := range r.Needs {
		out = append(out, string(n.Capability))
	}
	return strings.Join(out, " ")
}

// part is a body whose one message holds one content part.
func part(p string) string {
	return `{"model":"m","messages":[{"role":"user","content":[` + p + `]}]}`
}

func quoted(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\t", `\t`, "\n", `\n`, "\r", `\r`, "\x00", `\u0000`).Replace(s) + `"`
}

// addresses are what a vendor might fetch.
var addresses = []string{
	"http://example.gov/a.png", "https://example.gov/a.png", "HTTPS://EXAMPLE.GOV/A", "hTTp://example.gov",
	" http://example.gov/a", "\t\n http://example.gov/a", strings.Repeat(" ", 70) + "https://example.gov/a", "\x00http://example.gov",
	"ftp://example.gov/a", "gs://bucket/a", "s3://bucket/a", "file:///etc/passwd", "file:/etc/passwd", "az://x/y",
	"https:example.gov/a", "https:/example.gov/a", "https:\\\\example.gov\\a", "//example.gov/a", "\\\\example.gov\\a",
	"x-strange+scheme.1://a", "blob:https://example.gov/1", "javascript:1", "example.gov/a.png", "data", "datax:,a", "xdata:,a",
	"file-abc123",
}

func TestRead_OnlyInlineBytesPassWithoutAGrant(t *testing.T) {
	for _, form := range []string{
		`{"type":"image_url","image_url":{"url":%}}`,
		`{"type":"image_url","image_url":{"detail":"low","url":%}}`,
		`{"type":"image_url","image_url":%}`,
		`{"type":"video_url","video_url":{"url":%}}`,
		`{"type":"audio_url","audio_url":{"url":%}}`,
		`{"image_url":{"url":%},"type":"text","text":"hidden beside a text"}`,
		`{"type":"image_\u0075rl","image\u005furl":{"\u0075rl":%}}`,
	} {
		for _, a := range addresses {
			for name, written := range map[string]string{"plain": quoted(a), "escaped": escapeAll(a), "slashes": strings.ReplaceAll(quoted(a), "/", `\/`)} {
				if got := needs(t, part(strings.Replace(form, "%", written, 1))); got != "remote_url" {
					t.Errorf("%s %s: needs %q, want remote_url: %q", form, name, got, a)
				}
			}
		}
		for _, inline := range []string{"data:image/png;base64,AAAA", "DATA:image/png;base64,AAAA", "data:,http://example.gov", " data:image/png;base64,AA"} {
			if got := needs(t, part(strings.Replace(form, "%", quoted(inline), 1))); got != "" {
				t.Errorf("%s: needs %q for %q", form, got, inline)
			}
		}
	}
	for _, form := range []string{`{"type":"file","file":{"file_data":%}}`, `{"type":"input_audio","input_audio":{"data":%,"format":"wav"}}`} {
		for _, a := range addresses {
			if a == "data" || a == "file-abc123" {
				continue // could be base64
			}
			if got := needs(t, part(strings.Replace(form, "%", quoted(a), 1))); got != "remote_url" {
				t.Errorf("%s: needs %q, want remote_url: %q", form, got, a)
			}
		}
		for _, inline := range []string{"data:application/pdf;base64,AAAA", "AAAA", "JVBERi0xLjQK//8=", "_-A=", strings.Repeat("QUJD", 50), ""} {
			if got := needs(t, part(strings.Replace(form, "%", quoted(inline), 1))); got != "" {
				t.Errorf("%s: needs %q for %q", form, got, inline)
			}
		}
	}
}

// escapeAll writes every character of ASCII as \u00xx.
func escapeAll(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, c := range []byte(s) {
		b.WriteString(`\u00` + string("0123456789abcdef"[c>>4]) + string("0123456789ABCDEF"[c&15]))
	}
	return b.String() + `"`
}

func TestRead_FindsWhatReachesFurther(t *testing.T) {
	top := func(member string) string { return `{"model":"m","messages":[],` + member + `}` }
	tool := func(typ string) string {
		return top(`"tools":[{"type":"function","function":{"name":"f"}},{"type":` + typ + `}]`)
	}
	for _, row := range []struct{ name, body, want string }{
		{"nothing", top(`"temperature":1`), ""},
		{"a function", tool(`"function"`), ""},
		{"a custom tool", tool(`"custom"`), ""},
		{"web search", tool(`"web_search"`), "web_search"},
		{"web search, dated", tool(`"web_search_2025_08_26"`), "web_search"},
		{"web search preview", tool(`"web_search_preview"`), "web_search"},
		{"web search preview, dated", tool(`"web_search_preview_2025_03_11"`), "web_search"},
		{"web search, escaped", tool(`"web\u005fsearch"`), "web_search"},
		{"file search", tool(`"file_search"`), "file_search"},
		{"code interpreter", tool(`"code_interpreter"`), "code_interpreter"},
		{"mcp", tool(`"mcp"`), "mcp"},
		{"image generation", tool(`"image_generation"`), "image_generation"},
		{"computer", tool(`"computer_use_preview"`), "computer_use"},
		{"web search options", top(`"web_search_options":{"search_context_size":"low"}`), "web_search"},
		{"web search options, empty", top(`"web_search_options":{}`), "web_search"},
		{"web search options, null", top(`"web_search_options":null`), ""},
		{"web search options, escaped", top(`"web_search\u005foptions":{}`), "web_search"},
		{"data sources", top(`"data_sources":[{"type":"azure_search"}]`), "data_sources"},
		{"data sources, null", top(`"data_sources":null`), ""},
		{"a file id", part(`{"type":"file","file":{"file_id":"file-1"}}`), "file_id"},
		{"a file id, null", part(`{"type":"file","file":{"file_id":null,"file_data":"AAAA"}}`), ""},
		{"a file id beside text", part(`{"type":"text","text":"x","file":{"file_id":"file-1"}}`), "file_id"},
		{"an earlier sound", `{"model":"m","messages":[{"role":"assistant","audio":{"id":"audio_1"}}]}`, "conversation_id"},
		{"an earlier sound, null", `{"model":"m","messages":[{"role":"assistant","audio":null}]}`, ""},
		{"models", top(`"models":["a","b"]`), "vendor_fallback"},
		{"route", top(`"route":"fallback"`), "vendor_fallback"},
		{"provider", top(`"provider":{"order":["x"]}`), "vendor_fallback"},
		{"fallbacks", top(`"fallbacks":["x"]`), "vendor_fallback"},
		{"plugins", top(`"plugins":[{"id":"web"}]`), "web_search"},
		{"search parameters", top(`"search_parameters":{}`), "web_search"},
		{"enable search", top(`"enable_search":true`), "web_search"},
		{"enable search, off", top(`"enable_search":false`), ""},
		{"mcp servers", top(`"mcp_servers":[]`), "mcp"},
		{"previous response", top(`"previous_response_id":"resp_1"`), "conversation_id"},
		{"conversation", top(`"conversation":"conv_1"`), "conversation_id"},
		{"prompt", top(`"prompt":{"id":"pmpt_1"}`), "prompt_id"},
		{"background", top(`"background":true`), "background"},
		{"background, off", top(`"background":false`), ""},
		{"file ids", top(`"file_ids":["f"]`), "file_id"},
		{"cache kept for a day", top(`"prompt_cache_retention":"24h"`), "store"},
		{"cache in memory", top(`"prompt_cache_retention":"in_memory"`), ""},
		{"several, in order", top(`"data_sources":[],"web_search_options":{},"tools":[{"type":"mcp"}]`), "data_sources web_search mcp"},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := needs(t, row.body); got != row.want {
				t.Errorf("needs %q, want %q", got, row.want)
			}
		})
	}
}

func TestRead_RefusesWhatItDoesNotKnowByName(t *testing.T) {
	for _, row := range []struct{ name, body, field, says string }{
		{"a tool", `{"model":"m","tools":[{"type":"teleport"}]}`, "tools[0].type", "teleport"},
		{"a tool in another case", `{"model":"m","tools":[{"type":"Function"}]}`, "tools[0].type", "Function"},
		{"a tool with a space", `{"model":"m","tools":[{"type":"function "}]}`, "tools[0].type", "function "},
		{"an empty tool type", `{"model":"m","tools":[{"type":""}]}`, "tools[0].type", ""},
		{"a part", part(`{"type":"smell"}`), "messages[0].content[0].type", "smell"},
		{"a second part", part(`{"type":"text","text":"x"},{"type":"input_image"}`), "messages[0].content[1].type", "input_image"},
		{"a part in another case", part(`{"type":"Text","text":"x"}`), "messages[0].content[0].type", "Text"},
		{"a tool's type in another case", `{"model":"m","tools":[{"type":"function","Type":"mcp"}]}`, "tools[0].type", "Type"},
		{"a url in another case", part(`{"type":"image_url","image_url":{"url":"data:,","URL":"http://x"}}`), "messages[0].content[0].image_url.url", "URL"},
		{"a file id in another case", part(`{"type":"file","file":{"File_ID":"f"}}`), "messages[0].content[0].file.file_id", "File_ID"},
		{"a part's file in another case", part(`{"type":"text","FILE":{"file_id":"f"}}`), "messages[0].content[0].file", "FILE"},
		{"a message's audio in another case", `{"model":"m","messages":[{"role":"assistant","Audio":{"id":"a"}}]}`, "messages[0].audio", "Audio"},
		{"the messages in another case", `{"model":"m","Messages":[]}`, "messages", "Messages"},
		{"data sources with the long s", `{"model":"m","data_ſources":[]}`, "data_sources", "ſ"},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, err := read(row.body)
			var f *fault.Fault
			if !errors.As(err, &f) || f.Kind != fault.Unsupported || f.Field != row.field || !strings.Contains(f.Message, row.says) {
				t.Errorf("got %v at %q; want unsupported at %q, naming %q", err, f.Field, row.field, row.says)
			}
		})
	}
	long := strings.Repeat("é", 1000)
	if _, err := read(`{"model":"m","tools":[{"type":"` + long + `"}]}`); err == nil || len(err.Error()) > 500 {
		t.Errorf("a long type is repeated whole: %d bytes", len(err.Error()))
	}
}
