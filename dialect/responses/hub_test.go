package responses_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"bulkhead/call"
	"bulkhead/chat"
	"bulkhead/chat/chattest"
	"bulkhead/dialect"
	"bulkhead/dialect/responses"
	"bulkhead/fault"
	"bulkhead/wire"
)

// hardCases are the hub's hard cases as this dialect has them.
func hardCases(t *testing.T) map[string][2]json.RawMessage {
	t.Helper()
	files, err := filepath.Glob("../../chat/testdata/hub/*.json")
	if err != nil || len(files) != 3 {
		t.Fatal(files, err)
	}
	out := map[string][2]json.RawMessage{}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var rows []struct {
			Dialect    string
			Chat, Wire json.RawMessage
		}
		if err := json.Unmarshal(b, &rows); err != nil {
			t.Fatal(err)
		}
		var hub json.RawMessage
		for _, row := range rows {
			if row.Chat != nil {
				hub = row.Chat
			}
			if row.Dialect == "responses" {
				out[strings.TrimSuffix(filepath.Base(file), ".json")] = [2]json.RawMessage{hub, row.Wire}
			}
		}
	}
	return out
}

func TestHub_TheHardCasesAreWrittenAsTheSpikeSays(t *testing.T) {
	for name, row := range hardCases(t) {
		var r chat.Request
		if err := chat.Unmarshal([]byte(row[0]), &r); err != nil {
			t.Fatal(err)
		}
		l := chat.NewLosses("responses", nil, nil)
		out, err := responses.Client{}.Encode(&r, openai, l)
		if err != nil {
			t.Fatal(name, err)
		}
		got, want := object(t, out.Body), object(t, row[1])
		want["model"], want["store"] = openai.Model, false
		for _, raw := range list(want["input"]) { // what the schema demands
			item := raw.(map[string]any)
			for _, raw := range list(item["content"]) {
				if part := raw.(map[string]any); part["type"] == "output_text" {
					part["annotations"], part["logprobs"] = []any{}, []any{}
				}
			}
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s\ngot  %v\nwant %v", name, got, want)
		}
		lost := map[string][]string{
			"cached": {"instructions[].cache", "messages[].parts[].cache", "tools[].cache"}, "parallel-tools": {"messages[].parts[].error"},
		}[name]
		var named []string
		for _, loss := range l.List() {
			named = append(named, loss.Field)
		}
		if slices.Sort(named); !slices.Equal(named, lost) {
			t.Errorf("%s: lost %v, want %v", name, named, lost)
		}
	}
}

func TestHub_TheReasoningCaseIsReadAsTheSpikeSays(t *testing.T) {
	row := hardCases(t)["reasoning"]
	var want chat.Request
	if err := chat.Unmarshal([]byte(row[0]), &want); err != nil {
		t.Fatal(err)
	}
	for i := range want.Messages { // known from the call, or from the blob's tag
		for k := range want.Messages[i].Parts {
			p := &want.Messages[i].Parts[k]
			if p.State != nil {
				p.State.Minter = ""
			}
			if x, ok := p.Content.(chat.ToolResult); ok {
				x.Name = ""
				p.Content = x
			}
		}
	}
	got := request(t, row[1])
	got.Usage = false
	chattest.Equal(t, got, &want)
}

// lost encodes and gives what is lost or the refusal, in canonical paths.
func lost(t *testing.T, r *chat.Request, to *dialect.Upstream) ([]string, error) {
	t.Helper()
	l := chat.NewLosses("responses", nil, nil)
	_, err := responses.Client{}.Encode(r, to, l)
	var out []string
	for _, loss := range l.List() {
		out = append(out, loss.Field+" "+string(loss.Action))
	}
	return out, err
}

func TestEncode_NamesWhatItCannotSay(t *testing.T) {
	say := func(p ...chat.Part) *chat.Request {
		return &chat.Request{Messages: []chat.Message{{Role: chat.User, Parts: p}}}
	}
	turn := func(p ...chat.Part) *chat.Request {
		return &chat.Request{Messages: []chat.Message{{Role: chat.Assistant, Parts: p}}}
	}
	media := func(m chat.Media) *chat.Request { return say(chat.Part{Content: m}) }
	sealed := func(kind chat.StateKind, minter string) *chat.Request {
		return turn(chat.Part{Content: chat.Reasoning{Text: "hm"}, State: &chat.State{Kind: kind, Blob: "x", Minter: minter}})
	}
	for _, row := range []struct {
		name string
		r    *chat.Request
		want string // losses, or ! and the field that is refused
	}{
		{"nothing", say(chat.Say("hi")), ""},
		{"a name", &chat.Request{Messages: []chat.Message{{Role: chat.User, Name: "bob", Parts: []chat.Part{chat.Say("hi")}}}}, "messages[].name dropped"},
		{"a cache mark", say(chat.Part{Content: chat.Text{Text: "x"}, Cache: &chat.CacheMark{}}), "messages[].parts[].cache dropped"},
		{"top_k", &chat.Request{Sampling: chat.Sampling{TopK: "1"}}, "sampling.top_k dropped"},
		{"seed and penalties", &chat.Request{Sampling: chat.Sampling{Seed: "1", FrequencyPenalty: "1", PresencePenalty: "1"}}, "sampling.frequency_penalty dropped sampling.presence_penalty dropped sampling.seed dropped"},
		{"logit_bias", &chat.Request{Sampling: chat.Sampling{LogitBias: map[string]chat.Number{"1": "1"}}}, "sampling.logit_bias dropped"},
		{"stop", &chat.Request{Sampling: chat.Sampling{Stop: []string{"X"}}}, "!sampling.stop"},
		{"n", &chat.Request{Sampling: chat.Sampling{N: "2"}}, "!sampling.n"},
		{"n of 1", &chat.Request{Sampling: chat.Sampling{N: "1"}}, ""},
		{"few tokens", &chat.Request{Sampling: chat.Sampling{MaxTokens: "5"}}, "sampling.max_tokens clamped"},
		{"audio out", &chat.Request{Modes: []string{"text", "audio"}}, "!modalities"},
		{"a kept prompt", &chat.Request{Cache: chat.Caching{Resource: "cachedContents/1"}}, "!caching.resource"},
		{"a strange tier", &chat.Request{Tier: "standard_only"}, "service_tier dropped"},
		{"store", &chat.Request{Store: new(true)}, "store dropped"},
		{"a budget", &chat.Request{Thinking: &chat.Thinking{Mode: chat.ThinkingOn, Budget: "3000"}}, "thinking.budget approximated"},
		{"adaptive", &chat.Request{Thinking: &chat.Thinking{Mode: chat.ThinkingAdaptive}}, "thinking.mode approximated"},
		{"no thinking, of a model that may not reason", &chat.Request{Thinking: &chat.Thinking{Mode: chat.ThinkingOff}}, "thinking.mode dropped"},
		{"sound", media(chat.Media{Medium: chat.Audio, Type: "audio/wav", Data: "AAAA"}), "!messages[0].parts[0].medium"},
		{"video", media(chat.Media{Medium: chat.Video, Type: "video/mp4", Data: "AAAA"}), "!messages[0].parts[0].medium"},
		{"a bucket", media(chat.Media{Medium: chat.Image, URL: "s3://b/a"}), "!messages[0].parts[0].url"},
		{"an image of no type", media(chat.Media{Medium: chat.Image, Data: "AAAA"}), "!messages[0].parts[0].media_type"},
		{"an image that says its type", media(chat.Media{Medium: chat.Image, Data: "iVBORw0KGgo="}), ""},
		{"a document to cite", media(chat.Media{Medium: chat.Document, Type: "application/pdf", Data: "JVBERi0=", Cite: true, Context: "c"}), "messages[].parts[].context dropped messages[].parts[].cite dropped"},
		{"a document of text", media(chat.Media{Medium: chat.Document, Text: "x"}), ""},
		{"a document of parts", media(chat.Media{Medium: chat.Document, Parts: []chat.Part{chat.Say("x")}}), "messages[].parts[].parts approximated"},
		{"a document of images", media(chat.Media{Medium: chat.Document, Parts: []chat.Part{{Content: chat.Media{Medium: chat.Image}}}}), "!messages[0].parts[0].parts"},
		{"another's block", say(chat.Part{Content: chat.Native{Dialect: "anthropic", Type: "web_search_tool_result", Value: chat.Raw("{}")}}), "!messages[0].parts[0].native"},
		{"another's tool", &chat.Request{Tools: []chat.Tool{{Kind: chat.NativeTool, Name: "googleSearch", Native: &chat.Field{Dialect: "gemini"}}}}, "!tools[0]"},
		{"another's field", &chat.Request{Extra: chat.Extra{{Dialect: "anthropic", Name: "container", Value: chat.Raw("1")}}}, "container dropped"},
		{"an error", say(chat.Part{Content: chat.ToolResult{CallID: "c", Error: true}}), "messages[].parts[].error approximated"},
		{"reasoning of our family", sealed(chat.Encrypted, "openai:org"), ""},
		{"reasoning of another", sealed(chat.Encrypted, "azure:x"), "messages[].parts[].state dropped messages[].parts[].text dropped"},
		{"reasoning of nobody known", sealed(chat.Encrypted, ""), "messages[].parts[].state dropped messages[].parts[].text dropped"},
		{"a signature", sealed(chat.SignedText, "openai:org"), "messages[].parts[].state dropped messages[].parts[].text dropped"},
		{"a signed call", turn(chat.Part{Content: chat.ToolCall{ID: "c", Name: "f"}, State: &chat.State{Kind: chat.ThoughtSig, Blob: "x"}}), "messages[].parts[].state dropped"},
		{"an image of the assistant's", turn(chat.Part{Content: chat.Media{Medium: chat.Image, Data: "AAAA"}}), "!messages[0].parts[0]"},
	} {
		named, err := lost(t, row.r, openai)
		got := strings.Join(named, " ")
		if err != nil {
			f := fault.From(err)
			if got = "!" + f.Field; f.Kind != fault.Unsupported || !f.NoRetry {
				t.Errorf("%s: refused as %v", row.name, err)
			}
		}
		if got != row.want {
			t.Errorf("%s: got %q, want %q", row.name, got, row.want)
		}
	}
	unknownOK := *openai
	unknownOK.UnknownOK = true
	if named, err := lost(t, sealed(chat.Encrypted, ""), &unknownOK); err != nil || named != nil {
		t.Errorf("state of nobody known, where it may go: %v, %v", named, err)
	}
	reasoning := *openai
	reasoning.Reasoning = "effort"
	if named, err := lost(t, &chat.Request{Thinking: &chat.Thinking{Mode: chat.ThinkingOff}}, &reasoning); err != nil || named != nil {
		t.Errorf("no thinking, of a model that reasons: %v, %v", named, err)
	}
}

// What a field of the caller's is called, and that the workload may allow its loss.
func TestEncode_RefusesInTheCallersWordsUnlessTheLossIsAllowed(t *testing.T) {
	table := responses.Server{}.Fields()
	r := &chat.Request{Sampling: chat.Sampling{Stop: []string{"X"}}, Messages: []chat.Message{{Role: chat.User, Parts: []chat.Part{{Content: chat.Media{Medium: chat.Audio, Type: "audio/wav", Data: "AAAA"}}, chat.Say("x")}}}}
	allowed := chat.NewLosses("responses", table.Wire, []string{"sampling.stop", "input[].content[].type"})
	if _, err := (responses.Client{}).Encode(r, openai, allowed); err != nil || len(allowed.List()) != 2 {
		t.Errorf("allowed, and yet %v, %v", err, allowed.List())
	}
	body := `{"model":"m","input":"x","background":true,"moderation":{"model":"o"},"truncation":"auto"}`
	err := table.Relied(request(t, []byte(body)), chat.NewLosses("anthropic", table.Wire, nil))
	if f := fault.From(err); err == nil || f.Field != "background" || f.Kind != fault.Unsupported {
		t.Errorf("what is relied on is not refused: %v", err)
	}
	fine := `{"model":"m","input":"x","background":false,"truncation":"auto","max_tool_calls":3}`
	if err := table.Relied(request(t, []byte(fine)), chat.NewLosses("anthropic", table.Wire, nil)); err != nil {
		t.Errorf("what can be left out is refused: %v", err)
	}
}

// State that another dialect's vendor minted comes back from a caller as it went.
func TestState_OfOtherDialectsSurvivesTheCaller(t *testing.T) {
	for _, s := range []chat.State{{Kind: chat.SignedText, Blob: "ErcB+/="}, {Kind: chat.Redacted, Blob: "EtgB.x"}, {Kind: chat.Encrypted, Blob: "gAAA"}, {Kind: chat.Encrypted, Blob: "bulkhead.odd.x"}} {
		reply := &chat.Reply{ID: "msg_1", Choices: []chat.Choice{{Parts: []chat.Part{
			{Content: chat.Reasoning{Text: "because"}, State: &s}, {Content: chat.ToolCall{ID: "c", Name: "f", Arguments: "{}"}},
		}, Ending: chat.Ending{Reason: chat.ReasonTool}}}}
		body, err := responses.Server{}.Reply(nil, reply, answering())
		if err != nil {
			t.Fatal(err)
		}
		output, err := json.Marshal(object(t, body)["output"])
		if err != nil {
			t.Fatal(err)
		}
		r := request(t, []byte(`{"model":"m","input":`+string(output)+`}`))
		p := r.Messages[0].Parts[0]
		if *p.State != s || p.Content.(chat.Reasoning).Text != "because" {
			t.Errorf("%v came back as %v with %v", s, *p.State, p.Content)
		}
		out, err := responses.Client{}.Encode(r, &dialect.Upstream{Model: "m", UnknownOK: true}, chat.NewLosses("responses", nil, nil))
		if err != nil {
			t.Fatal(err)
		}
		for _, item := range list(object(t, out.Body)["input"]) { // ids of ours are nobody's elsewhere
			if id := item.(map[string]any)["id"]; id != nil {
				t.Errorf("a vendor is sent the id %v", id)
			}
		}
		if signed := s.Kind != chat.Encrypted; p.Content.(chat.Reasoning).Summary == signed {
			t.Errorf("%v: summary %v", s, !signed)
		}
	}
}

func TestCount_GoesToTheVendorAndBack(t *testing.T) {
	asked := requests(t)["input-tokens-count"]
	r := request(t, asked)
	r.Sampling.Temperature = "1"
	out, err := responses.Client{}.EncodeCount(r, openai, chat.NewLosses("responses", nil, nil))
	if err != nil || out.Path != "/responses/input_tokens" {
		t.Fatal(err, out)
	}
	holds(t, "TokenCountsBody", object(t, out.Body))
	in := &dialect.Inbound{Action: call.CountTokens, Body: out.Body}
	read, err := responses.Reader{}.Read(in, new(wire.Scanner), dialect.Listener{})
	if err != nil || len(read.Asked().Unknown) > 0 {
		t.Errorf("what is sent has unknown fields %v, %v", read.Asked().Unknown, err)
	}
	u, err := responses.Client{}.CountReply(recorded(t, "input-tokens-count.json"), new(wire.Scanner))
	if err != nil || u.Prompt() != 16 {
		t.Errorf("got %v, %v", u, err)
	}
	body, err := responses.Server{}.CountReply(nil, u, answering())
	if err != nil {
		t.Fatal(err)
	}
	same(t, body, recorded(t, "input-tokens-count.json"))
	for _, bad := range []string{``, `{}`, `{"input_tokens":null}`, `[]`} {
		if _, err := (responses.Client{}).CountReply([]byte(bad), new(wire.Scanner)); fault.From(err).Kind != fault.UpstreamError {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
