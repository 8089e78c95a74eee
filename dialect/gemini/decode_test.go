package gemini_test

import (
	"strings"
	"testing"

	"bulkhead/call"
	"bulkhead/chat"
	"bulkhead/chat/chattest"
	"bulkhead/dialect"
	"bulkhead/dialect/gemini"
	"bulkhead/fault"
	"bulkhead/wire"
)

func TestDecode_ReadsBothSpellings(t *testing.T) {
	camel := `{"systemInstruction":{"parts":[{"text":"s"}]},"contents":[{"role":"user","parts":[{"inlineData":{"mimeType":"image/PNG; x=1","data":"_-A"}},{"fileData":{"fileUri":"gs://b/a","mimeType":"video/mp4"},"videoMetadata":{"fps":1}}]}],
		"generationConfig":{"maxOutputTokens":"5","topP":0.5,"thinkingConfig":{"thinkingBudget":-1,"includeThoughts":true},"responseMimeType":"application/json","responseSchema":{"type":"OBJECT","propertyOrdering":["a"]}},
		"toolConfig":{"functionCallingConfig":{"mode":"ANY","allowedFunctionNames":["f"]}},"safetySettings":[],"cachedContent":"c"}`
	snake := camel
	for _, n := range []string{"systemInstruction", "inlineData", "mimeType", "fileData", "fileUri", "videoMetadata", "generationConfig", "maxOutputTokens", "topP", "thinkingConfig", "thinkingBudget", "includeThoughts",
		"responseMimeType", "responseSchema", "propertyOrdering", "toolConfig", "functionCallingConfig", "allowedFunctionNames", "safetySettings", "cachedContent"} {
		s := ""
		for _, c := range n {
			if c >= 'A' && c <= 'Z' {
				s += "_" + strings.ToLower(string(c))
			} else {
				s += string(c)
			}
		}
		snake = strings.ReplaceAll(snake, `"`+n+`"`, `"`+s+`"`)
	}
	want := decode(t, []byte(camel))
	chattest.Equal(t, decode(t, []byte(snake)), want)
	b, err := chat.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	const is = `{"model":"m","instructions":[{"type":"text","text":"s"}],"messages":[{"role":"user","parts":[{"type":"media","medium":"image","media_type":"image/png","data":"/+A="},{"type":"media","medium":"video","media_type":"video/mp4","url":"gs://b/a","extra":[{"dialect":"gemini","name":"videoMetadata","value":{"fps":1}}]}]}],"tool_choice":{"mode":"one","names":["f"]},"format":{"kind":"json_schema","schema":{"type":"object"}},"thinking":{"mode":"adaptive","budget":-1,"show":true},"sampling":{"max_tokens":5,"top_p":0.5},"caching":{"resource":"c"},"extra":[{"dialect":"gemini","name":"safetySettings","value":[]}]}`
	if string(b) != is {
		t.Errorf("got  %s\nwant %s", b, is)
	}
}

func TestDecode_MatchesResultsToCallsThatHaveNoIDs(t *testing.T) {
	r := decode(t, []byte(`{"contents":[
		{"role":"model","parts":[{"functionCall":{"name":"f","args":{"n":1}}},{"functionCall":{"name":"g"}},{"functionCall":{"name":"f","args":{"n":2}}},{"functionCall":{"id":"own","name":"f"}}]},
		{"role":"user","parts":[{"functionResponse":{"name":"f","response":{"result":"one"}}},{"functionResponse":{"id":"own","name":"f","response":{"error":{"x":1}}}},{"functionResponse":{"name":"f","response":{"n":2}}},{"functionResponse":{"name":"g","response":{}}},{"functionResponse":{"name":"h","response":{"output":"x","more":1}}}]}]}`))
	ids := map[string]bool{}
	var calls []chat.ToolCall
	for _, p := range r.Messages[0].Parts {
		c := p.Content.(chat.ToolCall)
		calls = append(calls, c)
		ids[c.ID] = true
	}
	if len(ids) != 4 || calls[1].Arguments != "{}" || calls[3].ID != "own" {
		t.Errorf("calls %+v", calls)
	}
	var of []string
	for _, p := range r.Messages[1].Parts {
		of = append(of, p.Content.(chat.ToolResult).CallID)
	}
	if want := []string{calls[0].ID, "own", calls[2].ID, calls[1].ID}; strings.Join(of[:4], " ") != strings.Join(want, " ") || ids[of[4]] {
		t.Errorf("results of %q, want %q and one of no call", of, want)
	}
	results := r.Messages[1].Parts
	if x := results[1].Content.(chat.ToolResult); !x.Error || string(x.Parts[0].Content.(chat.JSON).Value) != `{"x":1}` {
		t.Errorf("an error with a value is %+v", x)
	}
	if x := results[0].Content.(chat.ToolResult); x.Error || x.Parts[0].Content.(chat.Text).Text != "one" {
		t.Errorf("a text is %+v", x)
	}
	// The same history gives the same ids, and home they go without them.
	l := losses()
	out, err := gemini.Client{}.Encode(&chat.Request{Messages: append(r.Messages[:1:1], chat.Message{Role: chat.User, Parts: results[:4]})}, budgeted, l)
	if err != nil || strings.Contains(string(out.Body), "call_ge_") || !strings.Contains(string(out.Body), `"id":"own"`) {
		t.Errorf("%v: %s", err, out.Body)
	}
}

func TestDecode_PutsSchemasIntoJSONSchema(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{`{"type":"OBJECT","properties":{"b":{"type":"STRING","nullable":true,"enum":["x"]},"a":{"type":"ARRAY","items":{"type":"INTEGER","format":"int32"},"maxItems":"3","min_items":1}},"required":["b"],"propertyOrdering":["b","a"]}`,
			`{"properties":{"b":{"enum":["x"],"type":["string","null"]},"a":{"items":{"format":"int32","type":"integer"},"maxItems":3,"minItems":1,"type":"array"}},"required":["b"],"type":"object"}`},
		{`{"anyOf":[{"type":"STRING"},{"ref":"#/defs/x"}],"nullable":true,"defs":{"x":{"type":"NUMBER"}},"example":{"type":"STRING"}}`,
			`{"$defs":{"x":{"type":"number"}},"examples":[{"type":"STRING"}],"anyOf":[{"type":"string"},{"$ref":"#/defs/x"},{"type":"null"}]}`},
		{`{"type":"TYPE_UNSPECIFIED","description":"d","anyOf":[],"nullable":true}`, `{"description":"d","anyOf":[]}`},
		{`{"type":"string"}`, `{"type":"string"}`},
	} {
		r := decode(t, []byte(`{"tools":[{"functionDeclarations":[{"name":"f","parameters":`+tt.in+`}]}]}`))
		if got := string(r.Tools[0].Schema); got != tt.want {
			t.Errorf("got  %s\nwant %s", got, tt.want)
		}
	}
}

func TestDecode_Refuses(t *testing.T) {
	for _, tt := range []struct {
		body  string
		kind  fault.Kind
		field string
	}{
		{`{"contents":[{"role":"narrator"}]}`, fault.Malformed, "contents[0].role"},
		{`{"contents":[{"parts":[{},{"text":"a","functionCall":{}}]}]}`, fault.Malformed, "contents[0].parts[1]"},
		{`{"contents":[{"parts":[{"functionCall":{"args":[]}}]}]}`, fault.Malformed, "contents[0].parts[0].functionCall.args"},
		{`{"contents":[{"parts":[{"functionResponse":{"response":"x"}}]}]}`, fault.Malformed, "contents[0].parts[0].functionResponse.response"},
		{`{"tools":[{"functionDeclarations":[{"parameters":{},"parametersJsonSchema":{}}]}]}`, fault.Malformed, "tools[0].functionDeclarations[0].parametersJsonSchema"},
		{`{"toolConfig":{"functionCallingConfig":{"mode":"SOMETIMES"}}}`, fault.Malformed, "toolConfig.functionCallingConfig.mode"},
		{`{"generationConfig":{"temperature":"warm"}}`, fault.Malformed, "generationConfig.temperature"},
		{`{"generationConfig":{"responseMimeType":"application/xml"}}`, fault.Unsupported, "generationConfig"},
	} {
		_, err := gemini.Server{}.Decode(inbound(call.Chat, "m", false, []byte(tt.body)), new(wire.Scanner))
		var field string
		if f := fault.From(err); f != nil {
			field = f.Field
		}
		if kindOf(err) != tt.kind || field != tt.field {
			t.Errorf("%s: got %v of %q", tt.body, err, field)
		}
	}
}

func TestCount_GoesBothWays(t *testing.T) {
	r, err := gemini.Server{}.Decode(inbound(call.CountTokens, "alias", false, []byte(`{"generateContentRequest":{"model":"models/alias","contents":[{"parts":[{"text":"hi"}]}],"systemInstruction":{"parts":[{"text":"s"}]}}}`)), new(wire.Scanner))
	if err != nil || len(r.Messages) != 1 || len(r.Instructions) != 1 || r.Model != "alias" {
		t.Fatalf("%+v, %v", r, err)
	}
	for to, want := range map[*dialect.Upstream]string{
		api:      `/v1beta/models/gemini-3-pro:countTokens {"generateContentRequest":{"model":"models/gemini-3-pro","contents":[{"role":"user","parts":[{"text":"hi"}]}],"systemInstruction":{"parts":[{"text":"s"}]}}}`,
		onVertex: `/v1beta1/projects/p-1/locations/us-east4/publishers/google/models/gemini-3-pro:countTokens {"contents":[{"role":"user","parts":[{"text":"hi"}]}],"systemInstruction":{"parts":[{"text":"s"}]}}`,
	} {
		out, err := gemini.Client{}.EncodeCount(r, to, losses())
		if err != nil {
			t.Fatal(err)
		}
		if got := out.Path + " " + string(out.Body); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
	u, err := gemini.Client{}.CountReply([]byte(`{"totalTokens":31,"cachedContentTokenCount":4,"promptTokensDetails":[{"modality":"TEXT","tokenCount":11},{"tokenCount":20,"modality":"IMAGE"}]}`), new(wire.Scanner))
	if err != nil || u.Prompt() != 31 || u.CacheRead != 4 || u.InputImage != 20 {
		t.Fatalf("%+v, %v", u, err)
	}
	b, err := gemini.Server{}.CountReply(nil, u, &dialect.Answering{})
	if err != nil || string(b) != `{"totalTokens":31,"cachedContentTokenCount":4,"promptTokensDetails":[{"modality":"TEXT","tokenCount":11},{"modality":"IMAGE","tokenCount":20}]}` {
		t.Errorf("%s, %v", b, err)
	}
	for _, body := range []string{`{}`, `{"totalTokens":-1}`, `[]`, `{`, `{"totalTokens":null}`} {
		if u, err := (gemini.Client{}).CountReply([]byte(body), new(wire.Scanner)); kindOf(err) != fault.UpstreamError {
			t.Errorf("%s: %+v, %v", body, u, err)
		}
	}
}

func TestReply_UsageThatIsNotKnownIsNotZero(t *testing.T) {
	reply := func(usage string) *chat.Usage {
		r, err := gemini.Client{}.Reply([]byte(`{"candidates":[{"content":{"parts":[{"text":"a"}]},"finishReason":"STOP"}]`+usage+`}`), new(wire.Scanner), api)
		if err != nil {
			t.Fatal(err)
		}
		return r.Usage
	}
	for _, none := range []string{``, `,"usageMetadata":{}`, `,"usageMetadata":null`, `,"usageMetadata":{"trafficType":"ON_DEMAND"}`, `,"usageMetadata":{"promptTokenCount":-1}`, `,"usageMetadata":{"candidatesTokenCount":4}`} {
		if u := reply(none); u != nil {
			t.Errorf("%s: %+v", none, u)
		}
	}
	u := reply(`,"usageMetadata":{"promptTokenCount":100,"cachedContentTokenCount":60,"toolUsePromptTokenCount":7,"candidatesTokenCount":5,"thoughtsTokenCount":11,"totalTokenCount":123,"promptTokensDetails":[{"modality":"AUDIO","tokenCount":9}],"candidatesTokensDetails":[{"modality":"IMAGE","tokenCount":2}]}`)
	if u.Input != 40 || u.CacheRead != 60 || u.ToolPrompt != 7 || u.Output != 16 || u.Reasoning != 11 || u.InputAudio != 9 || u.OutputImage != 2 || u.Total() != 123 {
		t.Errorf("%+v", u)
	}
	if u := reply(`,"usageMetadata":{"promptTokenCount":"100","candidatesTokenCount":5,"totalTokenCount":200}`); u.Output != 100 {
		t.Errorf("what the total has and the counters have not is lost: %+v", u)
	}
}

func TestReply_CitesItsSources(t *testing.T) {
	body := []byte(`{"candidates":[{"content":{"parts":[{"text":"a"}],"role":"model"},"finishReason":"STOP","index":0,"citationMetadata":{"citationSources":[{"startIndex":0,"endIndex":1,"uri":"https://a.example"}]},
		"groundingMetadata":{"groundingChunks":[{"web":{"uri":"https://b.example","title":"B"}}],"webSearchQueries":["q"]}}]}`)
	r, err := gemini.Client{}.Reply(body, new(wire.Scanner), api)
	if err != nil {
		t.Fatal(err)
	}
	c := r.Choices[0].Parts[0].Content.(chat.Text).Citations
	if len(c) != 2 || c[0].URL != "https://a.example" || c[1].URL != "https://b.example" || c[1].Title != "B" {
		t.Errorf("%+v", c)
	}
	again, err := gemini.Server{}.Reply(nil, r, &dialect.Answering{})
	if err != nil {
		t.Fatal(err)
	}
	sameJSON(t, tree(t, again), tree(t, body))
	l := losses()
	x := chat.Text{Text: "é", Citations: []chat.Citation{{Kind: chat.CiteURL, URL: "https://c.example", Title: "C"}}}
	out, err := gemini.Server{}.Reply(nil, &chat.Reply{Choices: []chat.Choice{{Parts: []chat.Part{{Content: x}}, Ending: chat.Ending{Reason: chat.ReasonStop}}}}, &dialect.Answering{Loss: l})
	if err != nil || !strings.Contains(string(out), `"citationMetadata":{"citationSources":[{"uri":"https://c.example"}]}`) || len(l.List()) != 1 {
		t.Errorf("%s, %v, %v", out, err, l.List())
	}
}

func TestReply_SaysWhyItEnds(t *testing.T) {
	for _, tt := range []struct {
		e    chat.Ending
		want string
		lost int
	}{
		{chat.Ending{Reason: chat.ReasonStop}, "STOP", 0},
		{chat.Ending{Reason: chat.ReasonTool, Said: "tool_calls"}, "STOP", 0},
		{chat.Ending{Reason: chat.ReasonSequence, Sequence: "END"}, "STOP", 1},
		{chat.Ending{Reason: chat.ReasonLength}, "MAX_TOKENS", 0},
		{chat.Ending{Reason: chat.ReasonContext}, "MAX_TOKENS", 1},
		{chat.Ending{Reason: chat.ReasonFilter, Said: "RECITATION"}, "RECITATION", 0},
		{chat.Ending{Reason: chat.ReasonFilter, Said: "content_filter"}, "SAFETY", 0},
		{chat.Ending{Reason: chat.ReasonRefusal}, "SAFETY", 1},
		{chat.Ending{Reason: chat.ReasonPause}, "STOP", 1},
		{chat.Ending{Reason: chat.ReasonBroken}, "OTHER", 0},
	} {
		l := losses()
		out, err := gemini.Server{}.Reply(nil, &chat.Reply{Choices: []chat.Choice{{Ending: tt.e}}}, &dialect.Answering{Loss: l})
		if err != nil || !strings.Contains(string(out), `"finishReason":"`+tt.want+`"`) || len(l.List()) != tt.lost {
			t.Errorf("%+v: %s, %v, %v", tt.e, out, err, l.List())
		}
	}
}
