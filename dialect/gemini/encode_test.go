package gemini_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"bulkhead/chat"
	"bulkhead/dialect"
	"bulkhead/dialect/gemini"
	"bulkhead/fault"
)

// user is a request of one message.
func user(parts ...chat.Part) *chat.Request {
	return &chat.Request{Model: "m", Messages: []chat.Message{{Role: chat.User, Parts: parts}}}
}

// with changes a request.
func with(change func(r *chat.Request)) *chat.Request {
	r := user(chat.Say("hi"))
	change(r)
	return r
}

// called is a conversation of a call and its result.
func called(result chat.ToolResult, state *chat.State) *chat.Request {
	r := user(chat.Say("hi"))
	r.Messages = append(r.Messages,
		chat.Message{Role: chat.Assistant, Parts: []chat.Part{{Content: chat.ToolCall{ID: "c1", Name: "f", Arguments: `{"a":1}`}, State: state}}},
		chat.Message{Role: chat.User, Parts: []chat.Part{{Content: result}}})
	return r
}

const hi = `{"contents":[{"role":"user","parts":[{"text":"hi"}]}]`

func TestEncode_SaysOrNames(t *testing.T) {
	mine := &chat.State{Kind: chat.ThoughtSig, Blob: "AA", Minter: "google"}
	other := &chat.State{Kind: chat.SignedText, Blob: "BB", Minter: "anthropic"}
	say := func(text string) []chat.Part { return []chat.Part{chat.Say(text)} }
	results := func(part string) string {
		return `{"contents":[{"role":"user","parts":[{"text":"hi"}]},{"role":"model","parts":[{"functionCall":{"id":"c1","name":"f","args":{"a":1}},"thoughtSignature":"AA"}]},{"role":"user","parts":[{"functionResponse":{"id":"c1","name":"f","response":` + part + `}}]}]}`
	}
	for _, tt := range []struct {
		name   string
		r      *chat.Request
		to     *dialect.Upstream
		want   string
		losses string
	}{
		{"instructions anywhere", &chat.Request{Instructions: say("a"), Messages: []chat.Message{{Role: chat.Developer, Parts: say("b")}, {Role: chat.User, Parts: say("hi")}, {Role: chat.System, Parts: say("c")}, {Role: chat.User, Parts: say("more")}}}, api,
			`{"contents":[{"role":"user","parts":[{"text":"hi"},{"text":"more"}]}],"systemInstruction":{"parts":[{"text":"a"},{"text":"b"},{"text":"c"}]}}`, "messages[].role approximated"},
		{"empty texts are left out", user(chat.Say(""), chat.Say("hi")), api, hi + "}", ""},
		{"names of participants", with(func(r *chat.Request) { r.Messages[0].Name = "ann" }), api, hi + "}", "messages[].name dropped"},
		{"a text result", called(chat.ToolResult{CallID: "c1", Parts: say("ok")}, mine), api, results(`{"result":"ok"}`), ""},
		{"an error", called(chat.ToolResult{CallID: "c1", Error: true, Parts: say("no")}, mine), api, results(`{"error":"no"}`), ""},
		{"an object", called(chat.ToolResult{CallID: "c1", Parts: []chat.Part{{Content: chat.JSON{Value: chat.Raw(`{"x":[1]}`)}}}}, mine), api, results(`{"x":[1]}`), ""},
		{"a list", called(chat.ToolResult{CallID: "c1", Parts: []chat.Part{{Content: chat.JSON{Value: chat.Raw(`[1]`)}}}}, mine), api, results(`{"result":[1]}`), ""},
		{"two texts", called(chat.ToolResult{CallID: "c1", Parts: []chat.Part{chat.Say("a"), chat.Say("b")}}, mine), api, results(`{"result":"a\nb"}`), "messages[].parts[].parts approximated"},
		{"a call without a signature", called(chat.ToolResult{CallID: "c1", Parts: say("ok")}, nil), api,
			strings.Replace(results(`{"result":"ok"}`), `"AA"`, `"skip_thought_signature_validator"`, 1), "messages[].parts[].state approximated"},
		{"the same to a model that needs none", called(chat.ToolResult{CallID: "c1", Parts: say("ok")}, nil), budgeted,
			strings.Replace(results(`{"result":"ok"}`), `,"thoughtSignature":"AA"`, ``, 1), ""},
		{"another's state", called(chat.ToolResult{CallID: "c1", Parts: say("ok")}, &chat.State{Kind: chat.ThoughtSig, Blob: "BB", Minter: "other"}), budgeted,
			strings.Replace(results(`{"result":"ok"}`), `,"thoughtSignature":"AA"`, ``, 1), "messages[].parts[].state dropped"},
		{"no ids on vertex v1", called(chat.ToolResult{CallID: "c1", Parts: say("ok")}, mine), &dialect.Upstream{Model: "m", Surface: gemini.Vertex, APIVersion: "v1", Family: "google"},
			strings.ReplaceAll(results(`{"result":"ok"}`), `"id":"c1",`, ``), ""},
		{"another's reasoning", &chat.Request{Messages: []chat.Message{{Role: chat.User, Parts: say("hi")}, {Role: chat.Assistant, Parts: []chat.Part{{Content: chat.Reasoning{Text: "secret"}, State: other}, chat.Say("a")}}, {Role: chat.User, Parts: say("b")}}}, api,
			`{"contents":[{"role":"user","parts":[{"text":"hi"}]},{"role":"model","parts":[{"text":"a"}]},{"role":"user","parts":[{"text":"b"}]}]}`, "messages[].parts[].state dropped, messages[].parts[].text dropped"},
		{"arguments that are cut", &chat.Request{Messages: []chat.Message{{Role: chat.Assistant, Parts: []chat.Part{{Content: chat.ToolCall{ID: "c", Name: "f", Arguments: `{"a`}}}}, {Role: chat.User, Parts: say("b")}}}, budgeted,
			`{"contents":[{"role":"model","parts":[{"functionCall":{"id":"c","name":"f","args":{"_raw":"{\"a"}}}]},{"role":"user","parts":[{"text":"b"}]}]}`, "messages[].parts[].arguments approximated"},
		{"an image by address", user(chat.Part{Content: chat.Media{Medium: chat.Image, URL: "https://x.example/a.PNG?b=c", Detail: "high"}}), api,
			`{"contents":[{"role":"user","parts":[{"fileData":{"mimeType":"image/png","fileUri":"https://x.example/a.PNG?b=c"}}]}]}`, "messages[].parts[].detail dropped"},
		{"bytes whose type is sniffed", user(chat.Part{Content: chat.Media{Medium: chat.Image, Data: "iVBORw0KGgo="}}), api,
			`{"contents":[{"role":"user","parts":[{"inlineData":{"mimeType":"image/png","data":"iVBORw0KGgo="}}]}]}`, ""},
		{"a type that is written wrong", user(chat.Part{Content: chat.Media{Medium: chat.Image, Type: "image/jpg", Data: "AAAA"}}), api,
			`{"contents":[{"role":"user","parts":[{"inlineData":{"mimeType":"image/jpeg","data":"AAAA"}}]}]}`, ""},
		{"a document of text", user(chat.Part{Content: chat.Media{Medium: chat.Document, Text: "hi", Name: "n", Context: "c", Cite: true}}), api,
			`{"contents":[{"role":"user","parts":[{"inlineData":{"mimeType":"text/plain","data":"aGk="}}]}]}`, "messages[].parts[].context dropped, messages[].parts[].cite dropped, messages[].parts[].name dropped"},
		{"another's block", user(chat.Say("hi"), chat.Part{Content: chat.Native{Dialect: "anthropic", Type: "search", Value: chat.Raw(`{}`)}}), api, hi + "}", "messages[].parts[] dropped"},
		{"cache marks", user(chat.Part{Content: chat.Text{Text: "hi"}, Cache: &chat.CacheMark{}}), api, hi + "}", "messages[].parts[].cache dropped"},
		{"efforts in levels", with(func(r *chat.Request) { r.Thinking = &chat.Thinking{Effort: "max", Summary: "auto"} }), api, hi + `,"generationConfig":{"thinkingConfig":{"includeThoughts":true,"thinkingLevel":"HIGH"}}}`, "thinking.summary approximated, thinking.effort approximated"},
		{"efforts in tokens", with(func(r *chat.Request) { r.Thinking = &chat.Thinking{Effort: "medium"} }), budgeted, hi + `,"generationConfig":{"thinkingConfig":{"thinkingBudget":2048}}}`, "thinking.effort approximated"},
		{"no reasoning, in tokens", with(func(r *chat.Request) { r.Thinking = &chat.Thinking{Effort: "none"} }), budgeted, hi + `,"generationConfig":{"thinkingConfig":{"thinkingBudget":0}}}`, ""},
		{"no reasoning, where it cannot be", with(func(r *chat.Request) { r.Thinking = &chat.Thinking{Mode: chat.ThinkingOff} }), api, hi + `,"generationConfig":{"thinkingConfig":{"thinkingLevel":"MINIMAL"}}}`, "thinking.mode approximated"},
		{"a budget", with(func(r *chat.Request) {
			r.Thinking = &chat.Thinking{Mode: chat.ThinkingOn, Budget: "5000", Display: "summarized"}
		}), budgeted, hi + `,"generationConfig":{"thinkingConfig":{"includeThoughts":true,"thinkingBudget":5000}}}`, ""},
		{"a model told how", with(func(r *chat.Request) { r.Thinking = &chat.Thinking{Effort: "low"} }), &dialect.Upstream{Model: "gemini-2.5-x", Reasoning: "effort"}, hi + `,"generationConfig":{"thinkingConfig":{"thinkingLevel":"LOW"}}}`, ""},
		{"strict tools", with(func(r *chat.Request) {
			r.Tools = []chat.Tool{{Kind: chat.Function, Name: "f", Strict: new(true), Schema: chat.Raw(`{}`)}}
		}), api, hi + `,"tools":[{"functionDeclarations":[{"name":"f","parametersJsonSchema":{}}]}],"toolConfig":{"functionCallingConfig":{"mode":"VALIDATED"}}}`, "tools[].strict approximated"},
		{"one tool at a time", with(func(r *chat.Request) {
			r.Parallel = new(false)
			r.Choice = &chat.ToolChoice{Mode: chat.ChoiceOne, Names: []string{"f"}}
		}), api, hi + `,"toolConfig":{"functionCallingConfig":{"mode":"ANY","allowedFunctionNames":["f"]}}}`, "parallel_tools dropped"},
		{"a subset", with(func(r *chat.Request) { r.Choice = &chat.ToolChoice{Mode: chat.ChoiceAuto, Names: []string{"f"}} }), api, hi + `,"toolConfig":{"functionCallingConfig":{"mode":"VALIDATED","allowedFunctionNames":["f"]}}}`, "tool_choice.mode approximated"},
		{"telemetry and sampling that have no place", with(func(r *chat.Request) {
			r.User, r.SafetyID, r.Verbosity, r.Cache.Key, r.Metadata = "u", "s", "low", "k", map[string]string{"a": "b"}
			r.Sampling.LogitBias, r.Sampling.Seed = map[string]chat.Number{"1": "2"}, "99999999999"
		}), api, hi + `}`, "sampling.seed dropped, metadata dropped, sampling.logit_bias dropped, caching.key dropped, verbosity dropped, user dropped, safety_id dropped"},
		{"labels", with(func(r *chat.Request) { r.Metadata = map[string]string{"team": "blue", "Not": "fit"} }), onVertex, hi + `,"labels":{"team":"blue"}}`, "metadata dropped"},
		{"tiers", with(func(r *chat.Request) { r.Tier = "flex" }), api, hi + `,"serviceTier":"flex"}`, ""},
		{"what the vendor is not to keep", with(func(r *chat.Request) { r.Store = new(true) }), api, hi + `,"store":false}`, ""},
		{"what it may keep", with(func(r *chat.Request) { r.Store = new(true) }), &dialect.Upstream{Model: "m", Store: true}, hi + `,"store":true}`, ""},
		{"a format", with(func(r *chat.Request) {
			r.Format = &chat.Format{Kind: chat.FormatSchema, Name: "n", Strict: new(true), Schema: chat.Raw(`{"type":"object"}`)}
		}), api, hi + `,"generationConfig":{"responseMimeType":"application/json","responseJsonSchema":{"type":"object"}}}`, "format.name dropped"},
		{"another's fields", with(func(r *chat.Request) {
			r.Extra = chat.Extra{{Dialect: "openai", Name: "prediction", Value: chat.Raw(`1`)}, {Dialect: "gemini", Name: "safetySettings", Value: chat.Raw(`[]`)}, {Dialect: "gemini", Name: "generationConfig.seed2", Value: chat.Raw(`1`)}}
		}), api, hi + `,"generationConfig":{"seed2":1},"safetySettings":[]}`, "prediction dropped"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := losses()
			out, err := gemini.Client{}.Encode(tt.r, tt.to, l)
			if err != nil {
				t.Fatal(err)
			}
			sameJSON(t, tree(t, out.Body), tree(t, []byte(tt.want)))
			var named []string
			for _, x := range l.List() {
				named = append(named, x.Field+" "+string(x.Action))
			}
			if got := strings.Join(named, ", "); got != tt.losses {
				t.Errorf("losses %q, want %q", got, tt.losses)
			}
		})
	}
}

func TestEncode_RefusesWhatTheCallerReliesOn(t *testing.T) {
	media := func(m chat.Media) *chat.Request { return user(chat.Say("hi"), chat.Part{Content: m}) }
	tool := func(x chat.Tool) *chat.Request { return with(func(r *chat.Request) { r.Tools = []chat.Tool{x} }) }
	for _, tt := range []struct {
		name, field string
		r           *chat.Request
	}{
		{"free-form tools", "tools[].kind", tool(chat.Tool{Kind: chat.CustomTool, Name: "x"})},
		{"another vendor's hosted tools", "tools[].native", tool(chat.Tool{Kind: chat.NativeTool, Native: &chat.Field{Dialect: "openai", Name: "web_search", Value: chat.Raw(`{}`)}})},
		{"names that do not fit", "tools[].name", tool(chat.Tool{Kind: chat.Function, Name: "1x"})},
		{"a reply that was begun", "messages[1]", with(func(r *chat.Request) {
			r.Messages = append(r.Messages, chat.Message{Role: chat.Assistant, Parts: []chat.Part{chat.Say("I")}})
		})},
		{"a result of no call", "messages[].parts[].call_id", user(chat.Say("hi"), chat.Part{Content: chat.ToolResult{CallID: "x", Parts: []chat.Part{chat.Say("a")}}})},
		{"another's file", "messages[].parts[].file_id", media(chat.Media{Medium: chat.Document, FileID: "file-1"})},
		{"another cloud's bucket", "messages[].parts[].url", media(chat.Media{Medium: chat.Image, URL: "s3://b/a"})},
		{"bytes of no type", "messages[].parts[].media_type", media(chat.Media{Medium: chat.Image, Data: "AAAA"})},
		{"a sixth stop sequence", "sampling.stop", with(func(r *chat.Request) { r.Sampling.Stop = slices.Repeat([]string{"a"}, 6) })},
		{"a mode of answering", "modalities", with(func(r *chat.Request) { r.Modes = []string{"smell"} })},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := gemini.Client{}.Encode(tt.r, api, losses())
			if kindOf(err) != fault.Unsupported || !strings.Contains(fmt.Sprint(err), tt.field) {
				t.Errorf("got %v, want a refusal of %s", err, tt.field)
			}
			l := losses(strings.NewReplacer("[1]", "[]").Replace(tt.field))
			out, err := gemini.Client{}.Encode(tt.r, api, l)
			if err != nil || len(l.List()) == 0 {
				t.Errorf("allowed it is %v, losses %v", err, l.List())
			} else {
				tree(t, out.Body)
			}
		})
	}
}
