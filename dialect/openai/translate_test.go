package openai_test

import (
	"strings"
	"testing"

	"bulkhead/call"
	"bulkhead/chat"
	"bulkhead/dialect"
	"bulkhead/dialect/openai"
	"bulkhead/fault"
	"bulkhead/wire"
)

func TestDecode_RefusesByNameWhatItCannotRead(t *testing.T) {
	user := func(content string) string { return `{"messages":[{"role":"user","content":[` + content + `]}]}` }
	for _, row := range []struct {
		name, body string
		kind       fault.Kind
		field      string
	}{
		{"a role", `{"messages":[{"role":"user"},{"role":"function","name":"f","content":"x"}]}`, fault.Unsupported, "messages[1].role"},
		{"a part", user(`{"type":"text","text":"x"},{"type":"hologram"}`), fault.Unsupported, "messages[0].content[1].type"},
		{"a part without its media", user(`{"type":"image_url"}`), fault.Malformed, "messages[0].content[0].image_url"},
		{"a data URL that is not base64", user(`{"type":"image_url","image_url":{"url":"data:image/svg+xml,<svg/>"}}`), fault.Unsupported, "messages[0].content[0].image_url.url"},
		{"an address where data belong", user(`{"type":"file","file":{"file_data":"https://a.example/x"}}`), fault.Unsupported, "messages[0].content[0].file.file_data"},
		{"a call without id", `{"messages":[{"role":"assistant","tool_calls":[{"type":"function","function":{"name":"f"}}]}]}`, fault.Malformed, "messages[0].tool_calls[0].id"},
		{"a call of no known kind", `{"messages":[{"role":"assistant","tool_calls":[{"id":"1","type":"odd"}]}]}`, fault.Unsupported, "messages[0].tool_calls[0].type"},
		{"a tool", `{"tools":[{"type":"function","function":{"name":"f"}},{"type":"odd"}]}`, fault.Unsupported, "tools[1].type"},
		{"a choice", `{"tool_choice":"maybe"}`, fault.Unsupported, "tool_choice"},
		{"a hosted choice", `{"tool_choice":{"type":"web_search"}}`, fault.Unsupported, "tool_choice.type"},
		{"a format", `{"response_format":{"type":"grammar"}}`, fault.Unsupported, "response_format.type"},
		{"a number that is none", `{"temperature":"hot"}`, fault.Malformed, "temperature"},
		{"metadata that are no text", `{"metadata":{"a%d":1}}`, fault.Malformed, "metadata.a%d"},
		{"stop that is neither", `{"stop":{"a":1}}`, fault.Malformed, "stop"},
		{"no object", `[]`, fault.Malformed, ""},
		{"no JSON", `{"messages":`, fault.Malformed, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, err := decode(row.body)
			f := fault.From(err)
			if err == nil || f.Kind != row.kind || f.Field != row.field || !f.NoRetry || strings.Contains(f.Message, "%!") {
				t.Errorf("got %v at %q", err, f.Field)
			}
		})
	}
}

func TestDecode_ReadsWhatCompatibleClientsWrite(t *testing.T) {
	for _, row := range []struct{ name, body, want string }{
		{"nulls say nothing", `{"model":"m","messages":[{"role":"assistant","content":null,"refusal":null,"tool_calls":null,"audio":null,"name":null}],"stop":null,"tools":null,"stream_options":null,"store":null,"prediction":null}`,
			`{"model":"m","messages":[{"role":"assistant"}]}`},
		{"an address by itself", `{"messages":[{"role":"user","content":[{"type":"image_url","image_url":"https://a.example/"}]}]}`,
			`{"messages":[{"role":"user","parts":[{"type":"media","medium":"image","url":"https://a.example/"}]}]}`},
		{"results, and what follows, are the user's", `{"messages":[{"role":"assistant","tool_calls":[{"id":"1","function":{"name":"f","arguments":{"x":1}}},{"id":"2","type":"custom","custom":{"name":"g","input":"y"}}]},{"role":"tool","tool_call_id":"1","content":"a"},{"role":"tool","tool_call_id":"2","content":[{"type":"text","text":"b"}]},{"role":"user","name":"bob","content":"c"},{"role":"user","content":"d"}]}`,
			`{"messages":[{"role":"assistant","parts":[{"type":"tool_call","id":"1","name":"f","arguments":"{\"x\":1}"},{"type":"tool_call","id":"2","name":"g","arguments":"y","custom":true}]},{"role":"user","name":"bob","parts":[{"type":"tool_result","call_id":"1","parts":[{"type":"text","text":"a"}]},{"type":"tool_result","call_id":"2","custom":true,"parts":[{"type":"text","text":"b"}]},{"type":"text","text":"c"}]},{"role":"user","parts":[{"type":"text","text":"d"}]}]}`},
		{"what only this dialect has is kept", `{"web_search_options":{"a": 1},"odd":[1],"stream_options":{"include_obfuscation":false},"messages":[{"role":"assistant","reasoning_content":"hm","function_call":{"name":"f"},"audio":{"id":"a"}}]}`,
			`{"messages":[{"role":"assistant","parts":[{"type":"native","value":{"id":"a"},"dialect":"openai","native":"audio"}],"extra":[{"dialect":"openai","name":"reasoning_content","value":"hm"},{"dialect":"openai","name":"function_call","value":{"name":"f"}}]}],"extra":[{"dialect":"openai","name":"web_search_options","value":{"a":1}},{"dialect":"openai","name":"odd","value":[1]},{"dialect":"openai","name":"stream_options.include_obfuscation","value":false}]}`},
		{"hosted tools", `{"tools":[ {"type":"web_search_preview","x":1} ],"tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"required","tools":[{"type":"function","function":{"name":"f"}}]}}}`,
			`{"tools":[{"kind":"native","native":{"dialect":"openai","name":"web_search_preview","value":{"type":"web_search_preview","x":1}}}],"tool_choice":{"mode":"any","names":["f"]}}`},
		{"both limits", `{"max_tokens":5,"max_completion_tokens":7}`, `{"sampling":{"max_tokens":7}}`},
		{"both limits, the other way", `{"max_completion_tokens":7,"max_tokens":5}`, `{"sampling":{"max_tokens":7}}`},
	} {
		t.Run(row.name, func(t *testing.T) {
			r, err := decode(row.body)
			if err != nil {
				t.Fatal(err)
			}
			b, err := chat.Marshal(r)
			if err != nil {
				t.Fatal(err)
			}
			equalJSON(t, b, []byte(row.want))
		})
	}
}

// asking is a request with one user's message, changed.
func asking(change func(*chat.Request)) *chat.Request {
	r := &chat.Request{Messages: []chat.Message{{Role: chat.User, Parts: []chat.Part{chat.Say("hi")}}}}
	change(r)
	return r
}

func TestEncode_NamesEveryLoss(t *testing.T) {
	said := func(p ...chat.Part) func(*chat.Request) {
		return func(r *chat.Request) { r.Messages[0].Parts = append(r.Messages[0].Parts, p...) }
	}
	turn := func(p ...chat.Part) func(*chat.Request) {
		return func(r *chat.Request) {
			r.Messages = append(r.Messages, chat.Message{Role: chat.Assistant, Parts: p}, r.Messages[0])
		}
	}
	media := func(m chat.Media) chat.Part { return chat.Part{Content: m} }
	state := func(k chat.StateKind, minter string) *chat.State {
		return &chat.State{Kind: k, Blob: "YQ==", Minter: minter}
	}
	oneTool := []chat.Tool{{Kind: chat.Function, Name: "f"}}
	for _, row := range []struct {
		name   string
		change func(*chat.Request)
		want   string // losses, or the field that is refused after a !
		body   string // something the body has
	}{
		{"nothing", func(*chat.Request) {}, "", `"content":"hi"`},
		{"top_k", func(r *chat.Request) { r.Sampling.TopK = "4" }, "sampling.top_k dropped", ""},
		{"a budget", func(r *chat.Request) { r.Thinking = &chat.Thinking{Budget: "3000"} }, "thinking.budget approximated", `"reasoning_effort":"high"`},
		{"no thinking", func(r *chat.Request) { r.Thinking = &chat.Thinking{Mode: chat.ThinkingOff} }, "", `"reasoning_effort":"none"`},
		{"what is shown of it", func(r *chat.Request) {
			r.Thinking = &chat.Thinking{Effort: "low", Summary: "auto", Show: new(true), Sealed: new(true)}
		}, "thinking.summary dropped, thinking.show dropped, thinking.sealed dropped", `"reasoning_effort":"low"`},
		{"metadata without store", func(r *chat.Request) { r.Metadata = map[string]string{"a": "b"} }, "metadata dropped", ""},
		{"metadata with store", func(r *chat.Request) { r.Metadata, r.Store = map[string]string{"a": "b"}, new(true) }, "", `"store":true,"metadata":{"a":"b"}`},
		{"a tier of another's", func(r *chat.Request) { r.Tier = "standard_only" }, "service_tier approximated", `"service_tier":"default"`},
		{"an unknown tier", func(r *chat.Request) { r.Tier = "reserved" }, "service_tier dropped", ""},
		{"another's own field", func(r *chat.Request) {
			r.Extra = chat.Extra{{Dialect: "anthropic", Name: "container", Value: chat.Raw(`{}`)}}
		}, "container dropped", ""},
		{"a choice without tools", func(r *chat.Request) { r.Choice, r.Parallel = &chat.ToolChoice{Mode: chat.ChoiceAuto}, new(false) }, "parallel_tools dropped, tool_choice dropped", ""},
		{"a forced choice without tools", func(r *chat.Request) { r.Choice = &chat.ToolChoice{Mode: chat.ChoiceAny} }, "!tool_choice", ""},
		{"a long name", func(r *chat.Request) { r.Tools = []chat.Tool{{Kind: chat.Function, Name: strings.Repeat("a", 65)}} }, "!tools[].name", ""},
		{"another's hosted tool", func(r *chat.Request) {
			r.Tools = []chat.Tool{{Kind: chat.NativeTool, Native: &chat.Field{Dialect: "anthropic", Name: "web_search_20250305"}}}
		}, "!tools[]", ""},
		{"a marked tool", func(r *chat.Request) {
			r.Tools = []chat.Tool{{Kind: chat.Function, Name: "f", Cache: &chat.CacheMark{}}}
		}, "tools[].cache dropped", ""},
		{"a subset", func(r *chat.Request) {
			r.Tools, r.Choice = oneTool, &chat.ToolChoice{Mode: chat.ChoiceAny, Names: []string{"f"}}
		}, "", `"allowed_tools":{"mode":"required","tools":[{"type":"function","function":{"name":"f"}}]}`},
		{"five stops", func(r *chat.Request) { r.Sampling.Stop = []string{"a", "b", "c", "d", "e"} }, "!sampling.stop", ""},
		{"a cached prompt", func(r *chat.Request) { r.Cache.Resource = "x" }, "!caching.resource", ""},
		{"pictures out", func(r *chat.Request) { r.Modes = []string{"image"} }, "!modalities", ""},
		{"a video", said(media(chat.Media{Medium: chat.Video, Data: "AAAA"})), "!messages[].parts[]", ""},
		{"a document by address", said(media(chat.Media{Medium: chat.Document, URL: "https://a.example"})), "!messages[].parts[].url", ""},
		{"a picture in a bucket", said(media(chat.Media{Medium: chat.Image, URL: "gs://a/b"})), "!messages[].parts[].url", ""},
		{"a sound of another form", said(media(chat.Media{Medium: chat.Audio, Type: "audio/ogg", Data: "AAAA"})), "!messages[].parts[].media_type", ""},
		{"a document that is text", said(media(chat.Media{Medium: chat.Document, Text: "hi", Name: "a", Context: "b", Cite: true})), "messages[].parts[].context dropped, messages[].parts[].cite dropped", `"file_data":"data:text/plain;base64,aGk="`},
		{"a cache mark", func(r *chat.Request) { r.Messages[0].Parts[0].Cache = &chat.CacheMark{} }, "messages[].parts[].cache dropped", `"content":"hi"`},
		{"a cache mark in its own words", func(r *chat.Request) {
			r.Messages[0].Parts[0].Cache = &chat.CacheMark{}
			r.Extra = chat.Extra{{Dialect: "openai", Name: "prompt_cache_options", Value: chat.Raw(`{"mode":"explicit"}`)}}
		}, "", `"prompt_cache_breakpoint":{"mode":"explicit"}`},
		{"reasoning", turn(chat.Part{Content: chat.Reasoning{Text: "hm"}, State: state(chat.SignedText, "anthropic")}, chat.Say("so")), "messages[].parts[].state dropped, messages[].parts[].reasoning dropped", `{"role":"assistant","content":"so"}`},
		{"reasoning alone", turn(chat.Part{Content: chat.Reasoning{}, State: state(chat.Redacted, "")}), "messages[].parts[].state dropped", ""},
		{"text after a call", turn(chat.Part{Content: chat.ToolCall{ID: "1", Name: "f"}}, chat.Say("so")), "messages[].parts approximated", `"content":"so","tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":"{}"}}]`},
		{"a signature of its own", turn(chat.Part{Content: chat.ToolCall{ID: "1", Name: "f"}, State: state(chat.ThoughtSig, "family")}), "", `"thought_signature":"YQ=="`},
		{"a signature of another's", turn(chat.Part{Content: chat.ToolCall{ID: "1", Name: "f"}, State: state(chat.ThoughtSig, "gemini")}), "messages[].parts[].state dropped", ""},
		{"a signature of nobody's", turn(chat.Part{Content: chat.ToolCall{ID: "1", Name: "f"}, State: state(chat.ThoughtSig, "")}), "messages[].parts[].state dropped", ""},
		{"an id that does not fit", turn(chat.Part{Content: chat.ToolCall{ID: "tooluse.1:2", Name: "f"}}), "", `"id":"` + chat.FitID("tooluse.1:2") + `"`},
		{"another's block", turn(chat.Part{Content: chat.Native{Dialect: "anthropic", Type: "server_tool_use", Value: chat.Raw(`{}`)}}), "!messages[].parts[]", ""},
		{"a prefill", func(r *chat.Request) {
			r.Messages = append(r.Messages, chat.Message{Role: chat.Assistant, Parts: []chat.Part{chat.Say("I")}})
		}, "!messages[]", ""},
		{"a structured result", func(r *chat.Request) {
			r.Messages[0].Parts = []chat.Part{{Content: chat.ToolResult{CallID: "1", Error: true, Parts: []chat.Part{{Content: chat.JSON{Value: chat.Raw(`{"a":1}`)}}}}}}
		}, "messages[].parts[].error approximated, messages[].parts[].parts[].value approximated", `{"role":"tool","tool_call_id":"1","content":[{"type":"text","text":"Error: "},{"type":"text","text":"{\"a\":1}"}]}`},
		{"results after words", func(r *chat.Request) {
			r.Messages = append(r.Messages, chat.Message{Role: chat.User, Parts: []chat.Part{{Content: chat.ToolResult{CallID: "1"}}}})
		}, "", `[{"role":"tool","tool_call_id":"1","content":""},{"role":"user","content":"hi"}]`},
		{"a schema without a name", func(r *chat.Request) {
			r.Format = &chat.Format{Kind: chat.FormatSchema, Schema: chat.Raw(`{}`), Strict: new(true)}
		}, "", `"json_schema":{"name":"answer","schema":{},"strict":true}`},
	} {
		t.Run(row.name, func(t *testing.T) {
			l := losses()
			out, err := openai.Client{}.Encode(asking(row.change), upstream, l)
			if field, is := strings.CutPrefix(row.want, "!"); is {
				if f := fault.From(err); err == nil || f.Kind != fault.Unsupported || f.Field != field {
					t.Fatalf("got %v, want a refusal of %s", err, field)
				}
				// Where the workload allows the loss, the rest is written.
				allowing := chat.NewLosses("openai", nil, []string{field})
				if out, err = (openai.Client{}).Encode(asking(row.change), upstream, allowing); err != nil || len(allowing.List()) == 0 {
					t.Fatalf("allowed, and yet %v, %v", err, allowing.List())
				}
				sound(t, out.Body)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			sound(t, out.Body)
			var got []string
			for _, loss := range l.List() {
				got = append(got, loss.Field+" "+string(loss.Action))
			}
			if s := strings.Join(got, ", "); s != row.want || !strings.Contains(string(out.Body), row.body) {
				t.Errorf("losses %q in %s", s, out.Body)
			}
		})
	}
}

func TestEncode_WritesForTheSurface(t *testing.T) {
	r := asking(func(r *chat.Request) { r.Stream, r.Store, r.Verbosity = true, new(true), "low" })
	for _, row := range []struct {
		name       string
		to         dialect.Upstream
		path, body string
		lost       int
	}{
		{"v1", dialect.Upstream{Model: "m"}, "/chat/completions", `{"model":"m","messages":[{"role":"user","content":"hi"}],"stream":true,"verbosity":"low","store":false}`, 1},
		{"asking for usage, store granted", dialect.Upstream{Model: "m", AskUsage: true, Store: true}, "/chat/completions", `{"model":"m","messages":[{"role":"user","content":"hi"}],"stream":true,"verbosity":"low","store":true,"stream_options":{"include_usage":true}}`, 0},
		{"a deployment", dialect.Upstream{Model: "a b", URL: "https://r.example", Surface: "deployments", APIVersion: "2025-03-01-preview", Store: true}, "/openai/deployments/a%20b/chat/completions?api-version=2025-03-01-preview", `{"messages":[{"role":"user","content":"hi"}],"stream":true,"store":true}`, 1},
		{"a deployment under a longer URL", dialect.Upstream{Model: "a", URL: "https://r.example/openai/", Surface: "deployments", APIVersion: "v", Store: true}, "/deployments/a/chat/completions?api-version=v", `{"messages":[{"role":"user","content":"hi"}],"stream":true,"store":true}`, 1},
	} {
		t.Run(row.name, func(t *testing.T) {
			l := losses()
			out, err := openai.Client{}.Encode(r, &row.to, l)
			if err != nil {
				t.Fatal(err)
			}
			if out.Method != "POST" || out.Path != row.path || string(out.Body) != row.body || len(l.List()) != row.lost {
				t.Errorf("%s %s %s, losses %v", out.Method, out.Path, out.Body, l.List())
			}
		})
	}
}

func TestReader_IsReadAndFor(t *testing.T) {
	body := `{"model":"a","stream":true,"store":true,"n":2,"max_tokens":9,"odd":1,"tools":[{"type":"web_search"}]}`
	r, err := openai.Reader{}.Read(&dialect.Inbound{Action: call.Chat, Body: []byte(body)}, new(wire.Scanner), dialect.Listener{})
	if err != nil {
		t.Fatal(err)
	}
	a := r.Asked()
	if a.Alias != "a" || !a.Stream || a.Choices != 2 || a.MaxOutput != 9 || len(a.Needs) != 1 || len(a.Unknown) != 1 {
		t.Errorf("%+v", a)
	}
	out := r.Relay(&dialect.Upstream{Model: "m", AskUsage: true})
	want := `{"stream_options":{"include_usage":true},` + strings.Replace(strings.Replace(body[1:], `"a"`, `"m"`, 1), `"store":true`, `"store":false`, 1)
	if got := string(out.Body.Append(nil)); out.Path != "/chat/completions" || got != want {
		t.Errorf("%s %s", out.Path, got)
	}
	if r, err = (openai.Reader{}).Read(&dialect.Inbound{Action: call.Chat, Model: "deployment", Body: []byte(`{}`)}, new(wire.Scanner), dialect.Listener{}); err != nil || r.Asked().Alias != "deployment" {
		t.Errorf("%v", err)
	}
}

func TestFault_ClassifiesByStatusAndCode(t *testing.T) {
	for _, row := range []struct {
		name   string
		status int
		body   string
		kind   fault.Kind
		final  bool
	}{
		{"its own sign-in", 401, `{"error":{"code":"401","message":"secret"}}`, fault.UpstreamMisconfig, false},
		{"not allowed", 403, ``, fault.UpstreamMisconfig, false},
		{"no model", 404, ``, fault.UpstreamMisconfig, false},
		{"no model, as a bad request", 400, `{"error":{"code":"model_not_found"}}`, fault.UpstreamMisconfig, false},
		{"refused", 422, `{"error":{"message":"too odd"}}`, fault.UpstreamRefused, true},
		{"refused by a page", 400, `<html>`, fault.UpstreamRefused, true},
		{"used up", 429, `{"error":{"type":"insufficient_quota","code":"insufficient_quota"}}`, fault.UpstreamRateLimited, true},
		{"limited", 429, `{"error":{"code":"rate_limit_exceeded"}}`, fault.UpstreamRateLimited, false},
		{"slow", 504, ``, fault.UpstreamTimeout, false},
		{"down", 503, ``, fault.UpstreamUnavailable, false},
		{"failed", 500, `{"error":{"message":"secret"}}`, fault.UpstreamError, false},
		{"a teapot", 418, ``, fault.UpstreamError, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			f := openai.Client{}.Fault(row.status, nil, []byte(row.body))
			if f.Kind != row.kind || f.NoRetry != row.final || strings.Contains(f.Message, "secret") {
				t.Errorf("got %+v", f)
			}
		})
	}
}

func TestReply_OfAnErrorIsAFault(t *testing.T) {
	for _, body := range []string{`{"error":{"message":"x","code":429}}`, `{}`, `[]`, `nonsense`, `{"choices":[{"index":1,"message":{}}]}`, `{"choices":[{"message":{"tool_calls":[{"id":"1"}]}}]}`} {
		if r, err := (openai.Client{}).Reply([]byte(body), new(wire.Scanner), upstream); err == nil || r != nil && len(r.Choices) > 0 {
			t.Errorf("%s: %v, %v", body, r, err)
		}
	}
}

func TestServer_NamesWhatAReplyCannotSay(t *testing.T) {
	r := &chat.Reply{ID: "msg_1", Choices: []chat.Choice{{Ending: chat.Ending{Reason: chat.ReasonSequence, Sequence: "END"}, Parts: []chat.Part{
		{Content: chat.Reasoning{Text: "one"}, State: &chat.State{Kind: chat.SignedText, Blob: "x"}},
		{Content: chat.Reasoning{Text: "two"}},
		{Content: chat.Text{Text: "é", Citations: []chat.Citation{{Kind: chat.CiteChars}}}},
		{Content: chat.Text{Text: "ab", Citations: []chat.Citation{{Kind: chat.CiteURL, URL: "u", Title: "t", Span: &chat.Range{Start: 1, End: 2}}}}},
		{Content: chat.Native{Dialect: "anthropic", Type: "x", Value: chat.Raw(`{}`)}},
		{Content: chat.Media{Medium: chat.Image, Data: "AAAA"}},
	}}}}
	want := `{"id":"msg_1","object":"chat.completion","created":1700000000,"model":"alias","choices":[{"index":0,"message":{"role":"assistant","content":"éab","reasoning_content":"one\n\ntwo","refusal":null,"annotations":[{"type":"url_citation","url_citation":{"start_index":2,"end_index":3,"url":"u","title":"t"}}]},"logprobs":null,"finish_reason":"stop"}]}`
	lost := "choices[].parts[].state, choices[].parts[].citations, choices[].parts[].native, choices[].parts[].data, choices[].ending.stop_sequence"
	a := *answering
	a.Loss = losses()
	got, err := openai.Server{}.Reply(nil, r, &a)
	if err != nil || string(got) != want || fields(a.Loss) != lost {
		t.Errorf("%v %s\nlosses %s", err, got, fields(a.Loss))
	}
	b := *answering
	b.Loss = losses()
	var list []chat.Event
	if err := chat.Events(r, func(e *chat.Event) error { list = append(list, e.Clone()); return nil }); err != nil {
		t.Fatal(err)
	}
	out := stream(t, list, &b)
	gather(t, out)
	again, err := events(strings.NewReader(string(out)))
	if err != nil {
		t.Fatal(err)
	}
	folded := fold(t, again)
	if unary, err := (openai.Client{}).Reply(got, new(wire.Scanner), upstream); err != nil || len(folded.Choices) != 1 || folded.Choices[0].Ending.Reason != unary.Choices[0].Ending.Reason {
		t.Errorf("%v", err)
	} else {
		u, _ := chat.Marshal(unary)
		s, _ := chat.Marshal(folded)
		equalJSON(t, s, u)
	}
	if fields(b.Loss) == "" || len(b.Loss.List()) != len(a.Loss.List()) {
		t.Errorf("streamed losses %s", fields(b.Loss))
	}
}

func fields(l *chat.Losses) string {
	var out []string
	for _, loss := range l.List() {
		out = append(out, loss.Field)
	}
	return strings.Join(out, ", ")
}

func TestServer_MalformedOutputIsNeverPresentedAsWhole(t *testing.T) {
	r := &chat.Reply{Choices: []chat.Choice{{Ending: chat.Ending{Reason: chat.ReasonBroken}}}}
	if _, err := (openai.Server{}).Reply(nil, r, answering); fault.From(err).Kind != fault.UpstreamError {
		t.Errorf("unary: %v", err)
	}
	e := openai.Server{}.Stream(answering)
	out, err := e.Event(nil, &chat.Event{Kind: chat.Begin, Head: &chat.Head{}})
	if err != nil {
		t.Fatal(err)
	}
	if out, err = e.Event(out, &chat.Event{Kind: chat.Finish, Ending: &chat.Ending{Reason: chat.ReasonBroken}}); err == nil || e.Tail(nil) != nil {
		t.Errorf("stream: %v %s", err, out)
	}
	failed := string(e.Fail(nil, fault.New(fault.UpstreamError, "It failed.")))
	if !strings.HasPrefix(failed, `data: {"error":{"message":"It failed. Call 01J."`) || strings.Contains(failed, "[DONE]") {
		t.Errorf("%s", failed)
	}
	if string(e.KeepAlive(nil)) != ": keep-alive\n\n" {
		t.Error("a keep-alive that is no comment")
	}
}

func TestEmbeddings_AreCarriedInEitherEncoding(t *testing.T) {
	for _, body := range []string{`{"model":"m","input":"a"}`, `{"model":"m","input":["a","b"],"dimensions":2,"encoding_format":"base64","user":"u","odd":1}`, `{"model":"m","input":[1,2]}`, `{"model":"m","input":[[1],[2,3]]}`} {
		r, err := openai.Server{}.DecodeEmbed(&dialect.Inbound{Body: []byte(body)}, new(wire.Scanner))
		if err != nil {
			t.Fatal(err)
		}
		out, err := openai.Client{}.EncodeEmbed(r, upstream, losses())
		if err != nil || out.Path != "/embeddings" {
			t.Fatal(err, out.Path)
		}
		equalJSON(t, out.Body, []byte(body))
	}
	for _, body := range []string{`{"input":[1.5]}`, `{"input":{}}`, `{"input":"a","encoding_format":"hex"}`, `{"input":[null]}`} {
		if _, err := (openai.Server{}).DecodeEmbed(&dialect.Inbound{Body: []byte(body)}, new(wire.Scanner)); err == nil {
			t.Errorf("%s is taken", body)
		}
	}
	reply := `{"object":"list","data":[{"object":"embedding","index":1,"embedding":"AACAPwAAAEA="},{"object":"embedding","index":0,"embedding":[0.5,-1e-05]}],"model":"m","usage":{"prompt_tokens":3,"total_tokens":3}}`
	r, err := openai.Client{}.EmbedReply([]byte(reply), new(wire.Scanner), upstream)
	if err != nil {
		t.Fatal(err)
	}
	for encoding, want := range map[string]string{"": `"embedding":[0.5,-1e-05]},{"object":"embedding","index":1,"embedding":[1,2]}`, "base64": `"embedding":"AAAAP6zFJ7c="},{"object":"embedding","index":1,"embedding":"AACAPwAAAEA="}`} {
		out, err := openai.Server{}.EmbedReply(nil, r, &chat.EmbedRequest{Encoding: encoding}, answering)
		if err != nil || !strings.Contains(string(out), want) || !strings.HasSuffix(string(out), `"usage":{"prompt_tokens":3,"total_tokens":3}}`) {
			t.Errorf("%v %s", err, out)
		}
	}
	for _, bad := range []string{`{"data":[{"index":1,"embedding":[1]}]}`, `{"data":[{"index":0}]}`, `{"error":{"code":429}}`, `x`} {
		if _, err := (openai.Client{}).EmbedReply([]byte(bad), new(wire.Scanner), upstream); err == nil {
			t.Errorf("%s is taken", bad)
		}
	}
}
