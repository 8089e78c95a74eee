package bedrock_test

import (
	"fmt"
	"strings"
	"testing"

	"bulkhead/chat"
	"bulkhead/dialect"
	"bulkhead/dialect/bedrock"
	"bulkhead/fault"
)

func hello(change func(r *chat.Request)) *chat.Request {
	r := &chat.Request{Messages: []chat.Message{{Role: chat.User, Parts: []chat.Part{chat.Say("hi")}}}}
	change(r)
	return r
}

func user(parts ...chat.Part) func(r *chat.Request) {
	return func(r *chat.Request) { r.Messages = []chat.Message{{Role: chat.User, Parts: parts}} }
}

func media(m chat.Media) chat.Part { return chat.Part{Content: m} }

func TestEncode_RefusesWhatTheCallerReliesOn(t *testing.T) {
	call := chat.Part{Content: chat.ToolCall{ID: "c", Name: "a.b"}}
	for _, row := range []struct {
		name, field string
		change      func(r *chat.Request)
	}{
		{"several answers", "sampling.n", func(r *chat.Request) { r.Sampling.N = "2" }},
		{"log probabilities", "sampling.logprobs", func(r *chat.Request) { r.Sampling.Logprobs = new(true) }},
		{"JSON without a schema", "format.kind", func(r *chat.Request) { r.Format = &chat.Format{Kind: chat.FormatObject} }},
		{"sound", "modalities", func(r *chat.Request) { r.Modes = []string{"text", "audio"} }},
		{"a tool with free-form input", "tools[].kind", func(r *chat.Request) { r.Tools = []chat.Tool{{Kind: chat.CustomTool, Name: "x"}} }},
		{"another's hosted tool", "tools[].kind", func(r *chat.Request) {
			r.Tools = []chat.Tool{{Kind: chat.NativeTool, Name: "web_search", Native: &chat.Field{Dialect: "openai"}}}
		}},
		{"a tool's name", "tools[].name", func(r *chat.Request) { r.Tools = []chat.Tool{{Kind: chat.Function, Name: "a.b"}} }},
		{"a call's name", "messages[0].parts[0].name", user(call)},
		{"a cached prompt", "caching.resource", func(r *chat.Request) { r.Cache.Resource = "c" }},
		{"an image by address", "messages[0].parts[0].url", user(media(chat.Media{Medium: chat.Image, URL: "https://x/a.png"}))},
		{"a file by id", "messages[0].parts[1].file_id", user(chat.Say("x"), media(chat.Media{Medium: chat.Document, FileID: "f"}))},
		{"a type of image", "messages[0].parts[0].data", user(media(chat.Media{Medium: chat.Image, Type: "image/tiff", Data: "AAAA"}))},
		{"no base64", "messages[0].parts[0].data", user(media(chat.Media{Medium: chat.Image, Type: "image/png", Data: "A"}))},
		{"a document without a text", "messages[0].parts", user(media(chat.Media{Medium: chat.Document, Type: "application/pdf", Data: "JVBE"}))},
		{"sound in a result", "messages[0].parts[0].parts[0]", user(chat.Part{Content: chat.ToolResult{CallID: "c", Parts: []chat.Part{media(chat.Media{Medium: chat.Audio, Type: "audio/wav", Data: "AAAA"})}}})},
		{"another's block", "messages[0].parts[0].native", user(chat.Part{Content: chat.Native{Dialect: "anthropic", Type: "web_search_tool_result", Value: chat.Raw("{}")}})},
		{"a forced tool and no tools", "tool_choice.mode", func(r *chat.Request) { r.Choice = &chat.ToolChoice{Mode: chat.ChoiceAny} }},
	} {
		l := chat.NewLosses("bedrock", nil, nil)
		_, err := bedrock.Client{}.Encode(hello(row.change), anthropic, l)
		f := fault.From(err)
		if f == nil || f.Kind != fault.Unsupported || f.Field != row.field {
			t.Errorf("%s: got %v, want %s", row.name, err, row.field)
			continue
		}
		allowed := chat.NewLosses("bedrock", nil, []string{indexless(row.field)})
		out, err := bedrock.Client{}.Encode(hello(row.change), anthropic, allowed)
		if err != nil || len(allowed.List()) == 0 {
			t.Errorf("%s: where the loss is allowed: %v, %v", row.name, err, allowed.List())
		} else if got := tree(t, out.Body); got == nil {
			t.Errorf("%s: %s", row.name, out.Body)
		}
	}
}

func indexless(path string) string {
	var b strings.Builder
	for _, c := range path {
		if c < '0' || c > '9' {
			b.WriteRune(c)
		}
	}
	return b.String()
}

func TestEncode_NamesWhatItCannotCarry(t *testing.T) {
	worked := func(r *chat.Request) {
		r.Messages = append(r.Messages, chat.Message{Role: chat.Assistant, Parts: []chat.Part{{Content: chat.ToolCall{ID: "c", Name: "t", Arguments: "{}"}}}},
			chat.Message{Role: chat.User, Parts: []chat.Part{{Content: chat.ToolResult{CallID: "c"}}}})
	}
	nova := &dialect.Upstream{Model: "us.amazon.nova-2-lite-v1:0"}
	oss := &dialect.Upstream{Model: "openai.gpt-oss-120b-1:0"}
	budget := &dialect.Upstream{Model: "anthropic.claude-3-7", Reasoning: "budget", Family: "anthropic"}
	adaptive := &dialect.Upstream{Model: "anthropic.claude-5", Reasoning: "adaptive"}
	for _, row := range []struct {
		name   string
		to     *dialect.Upstream
		change func(r *chat.Request)
		holds  string // in the body
		lost   string
	}{
		{"instructions within, a newer model", family, func(r *chat.Request) {
			r.Messages = append(r.Messages, chat.Message{Role: chat.Developer, Parts: []chat.Part{chat.Say("now")}})
		}, `{"role":"system","content":[{"text":"now"}]}`, ""},
		{"instructions within, an older model", anthropic, func(r *chat.Request) {
			r.Messages = append(r.Messages, chat.Message{Role: chat.Developer, Parts: []chat.Part{chat.Say("now")}})
		}, `[{"role":"user","content":[{"text":"hi"},{"text":"now"}]}]`, "messages[].role approximated"},
		{"penalties, seed, bias", anthropic, func(r *chat.Request) {
			r.Sampling = chat.Sampling{FrequencyPenalty: "1", PresencePenalty: "1", Seed: "1", LogitBias: map[string]chat.Number{"1": "1"}}
		}, "", "sampling.frequency_penalty dropped, sampling.presence_penalty dropped, sampling.seed dropped, sampling.logit_bias dropped"},
		{"a temperature over one", anthropic, func(r *chat.Request) { r.Sampling.Temperature = "1.7" }, `"temperature":1`, "sampling.temperature clamped"},
		{"people and keys", anthropic, func(r *chat.Request) {
			r.User, r.SafetyID, r.Verbosity, r.Store = "u", "s", "low", new(true)
			r.Cache = chat.Caching{Key: "k", Retention: "24h", Auto: &chat.CacheMark{}}
		}, "", "verbosity dropped, user dropped, safety_id dropped, caching.key dropped, caching.retention dropped, caching.auto dropped, store dropped"},
		{"metadata", anthropic, func(r *chat.Request) { r.Metadata = map[string]string{"a": "b", "c": "ü"} }, `"requestMetadata":{"a":"b"}`, "metadata dropped"},
		{"a tier", anthropic, func(r *chat.Request) { r.Tier = "scale" }, "", "service_tier dropped"},
		{"the account's tier", anthropic, func(r *chat.Request) { r.Tier = "auto" }, "", ""},
		{"no tools, none called", anthropic, func(r *chat.Request) {
			r.Tools, r.Choice = []chat.Tool{{Kind: chat.Function, Name: "t"}}, &chat.ToolChoice{Mode: chat.ChoiceNone}
		}, "", ""},
		{"no tools, some called", anthropic, func(r *chat.Request) {
			worked(r)
			r.Tools, r.Choice = []chat.Tool{{Kind: chat.Function, Name: "t"}}, &chat.ToolChoice{Mode: chat.ChoiceNone}
		}, `"toolSpec":{"name":"t"`, "tool_choice.mode approximated"},
		{"calls without definitions", anthropic, worked, `"toolSpec":{"name":"t"`, "tools approximated"},
		{"a subset", anthropic, func(r *chat.Request) {
			r.Tools = []chat.Tool{{Kind: chat.Function, Name: "a"}, {Kind: chat.Function, Name: "b"}}
			r.Choice = &chat.ToolChoice{Mode: chat.ChoiceAny, Names: []string{"b"}}
		}, `"tools":[{"toolSpec":{"name":"b","inputSchema":{"json":{"type":"object","properties":{}}}}}],"toolChoice":{"any":{}}`, "tool_choice.names approximated"},
		{"one call at a time, Claude", anthropic, func(r *chat.Request) {
			r.Tools, r.Parallel = []chat.Tool{{Kind: chat.Function, Name: "a"}}, new(false)
		}, `"tool_choice":{"type":"auto","disable_parallel_tool_use":true}`, ""},
		{"one call at a time, forced", anthropic, func(r *chat.Request) {
			r.Tools, r.Parallel = []chat.Tool{{Kind: chat.Function, Name: "a"}}, new(false)
			r.Choice = &chat.ToolChoice{Mode: chat.ChoiceOne, Names: []string{"a"}}
		}, `"additionalModelRequestFields":{"tool_choice":{"disable_parallel_tool_use":true}}`, ""},
		{"one call at a time, another's", oss, func(r *chat.Request) {
			r.Tools, r.Parallel = []chat.Tool{{Kind: chat.Function, Name: "a"}}, new(false)
		}, "", "parallel_tools dropped"},
		{"a mark among Nova's tools", nova, func(r *chat.Request) {
			r.Tools = []chat.Tool{{Kind: chat.Function, Name: "a", Cache: &chat.CacheMark{}}}
		}, "", "tools[].cache dropped"},
		{"top k, Nova", nova, func(r *chat.Request) { r.Sampling.TopK = "5" }, `"additionalModelRequestFields":{"inferenceConfig":{"topK":5}}`, ""},
		{"effort, Nova", nova, func(r *chat.Request) { r.Thinking = &chat.Thinking{Effort: "xhigh"} }, `"reasoningConfig":{"type":"enabled","maxReasoningEffort":"high"}`, "thinking.effort approximated"},
		{"no effort, Nova", nova, func(r *chat.Request) { r.Thinking = &chat.Thinking{Effort: "none"} }, `"reasoningConfig":{"type":"disabled"}`, ""},
		{"effort, gpt-oss", oss, func(r *chat.Request) { r.Thinking = &chat.Thinking{Effort: "low"} }, `{"reasoning_effort":"low"}`, ""},
		{"a budget, gpt-oss", oss, func(r *chat.Request) { r.Thinking = &chat.Thinking{Mode: chat.ThinkingOn, Budget: "2048"} }, `{"reasoning_effort":"medium"}`, "thinking.budget approximated"},
		{"effort as a budget", budget, func(r *chat.Request) { r.Thinking = &chat.Thinking{Effort: "high"} }, `"thinking":{"type":"enabled","budget_tokens":4096}`, "thinking.effort approximated"},
		{"effort as a budget under a limit", budget, func(r *chat.Request) {
			r.Thinking, r.Sampling.MaxTokens = &chat.Thinking{Effort: "high"}, "2000"
		}, `"budget_tokens":1999`, "thinking.effort approximated"},
		{"effort as a budget without room", budget, func(r *chat.Request) {
			r.Thinking, r.Sampling.MaxTokens = &chat.Thinking{Effort: "high"}, "100"
		}, "", "thinking.effort approximated, thinking.mode dropped"},
		{"no effort", budget, func(r *chat.Request) { r.Thinking = &chat.Thinking{Effort: "none"} }, `"thinking":{"type":"disabled"}`, ""},
		{"a budget as effort", adaptive, func(r *chat.Request) { r.Thinking = &chat.Thinking{Mode: chat.ThinkingOn, Budget: "9000"} }, `"thinking":{"type":"adaptive"}},"outputConfig":{"effort":"max"}`, "thinking.budget approximated"},
		{"effort, adaptive", adaptive, func(r *chat.Request) { r.Thinking = &chat.Thinking{Effort: "medium"} }, `"thinking":{"type":"adaptive"}},"outputConfig":{"effort":"medium"}`, ""},
		{"state of another", anthropic, func(r *chat.Request) {
			r.Messages = append(r.Messages, chat.Message{Role: chat.Assistant, Parts: []chat.Part{
				{Content: chat.Reasoning{Text: "secret thoughts"}, State: &chat.State{Kind: chat.SignedText, Blob: "x", Minter: "openai:org"}}, chat.Say("yes")}})
		}, `"content":[{"text":"yes"}]`, "messages[].parts[].state dropped"},
		{"state of nobody known", budget, func(r *chat.Request) {
			r.Messages = append(r.Messages, chat.Message{Role: chat.Assistant, Parts: []chat.Part{
				{Content: chat.Reasoning{}, State: &chat.State{Kind: chat.Redacted, Blob: "eA=="}}, chat.Say("yes")}})
		}, `"content":[{"text":"yes"}]`, "messages[].parts[].state dropped"},
		{"unsigned reasoning", anthropic, func(r *chat.Request) {
			r.Messages = append(r.Messages, chat.Message{Role: chat.Assistant, Parts: []chat.Part{{Content: chat.Reasoning{Text: "thoughts"}}, chat.Say("yes")}})
		}, `"content":[{"text":"yes"}]`, "messages[].parts[].text dropped"},
		{"a signed call", anthropic, func(r *chat.Request) {
			worked(r)
			r.Tools = []chat.Tool{{Kind: chat.Function, Name: "t"}}
			r.Messages[1].Parts[0].State = &chat.State{Kind: chat.ThoughtSig, Blob: "x", Minter: "google"}
		}, `"toolUse"`, "messages[].parts[].state dropped"},
		{"broken arguments", anthropic, func(r *chat.Request) {
			worked(r)
			r.Tools = []chat.Tool{{Kind: chat.Function, Name: "t"}}
			r.Messages[1].Parts[0].Content = chat.ToolCall{ID: "c", Name: "t", Arguments: `{"cut":`}
		}, `"input":{"_raw":"{\"cut\":"}`, "messages[].parts[].arguments approximated"},
		{"a name for a document, twice", anthropic, user(chat.Say("x"), media(chat.Media{Medium: chat.Document, Type: "application/pdf", Data: "JVBE", Name: "a_b.pdf"}),
			media(chat.Media{Medium: chat.Document, Data: "JVBERi0=", Name: "a-b-pdf"})), `"name":"a-b-pdf 2"`, "messages[].parts[].name approximated"},
		{"url-safe bytes, unpadded", anthropic, user(media(chat.Media{Medium: chat.Image, Type: "image/jpg", Data: "_-8", Detail: "high"})), `"image":{"format":"jpeg","source":{"bytes":"/+8="}}`, "messages[].parts[].detail dropped"},
		{"an empty message", anthropic, func(r *chat.Request) {
			r.Messages = append(r.Messages, chat.Message{Role: chat.Assistant, Parts: []chat.Part{chat.Say("")}})
		}, `"messages":[{"role":"user","content":[{"text":"hi"}]}]`, ""},
		{"an id that does not fit", anthropic, func(r *chat.Request) {
			worked(r)
			r.Tools = []chat.Tool{{Kind: chat.Function, Name: "t"}}
			r.Messages[1].Parts[0].Content = chat.ToolCall{ID: "c/1", Name: "t"}
			r.Messages[2].Parts[0].Content = chat.ToolResult{CallID: "c/1"}
		}, `"toolUseId":"` + chat.FitID("c/1") + `","content":[]`, ""},
	} {
		l := chat.NewLosses("bedrock", nil, nil)
		out, err := bedrock.Client{}.Encode(hello(row.change), row.to, l)
		if err != nil {
			t.Errorf("%s: %v", row.name, err)
			continue
		}
		var lost []string
		for _, x := range l.List() {
			lost = append(lost, fmt.Sprintf("%s %s", x.Field, x.Action))
		}
		if !strings.Contains(string(out.Body), row.holds) || strings.Join(lost, ", ") != row.lost {
			t.Errorf("%s:\ngot  %s\n     %v\nwant %s\n     %s", row.name, out.Body, lost, row.holds, row.lost)
		}
		if strings.Contains(string(out.Body), "secret thoughts") {
			t.Errorf("%s: what another vouched for goes out: %s", row.name, out.Body)
		}
		var v any = tree(t, out.Body)
		if v == nil {
			t.Errorf("%s: %s", row.name, out.Body)
		}
	}
}
