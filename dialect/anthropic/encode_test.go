package anthropic_test

import (
	"fmt"
	"strings"
	"testing"

	"bulkhead/call"
	"bulkhead/chat"
	"bulkhead/dialect"
	"bulkhead/dialect/anthropic"
	"bulkhead/fault"
	"bulkhead/wire"
)

// asked reads a request in canonical JSON.
func asked(t *testing.T, canonical string) *chat.Request {
	t.Helper()
	var r chat.Request
	if err := chat.Unmarshal([]byte(canonical), &r); err != nil {
		t.Fatalf("%v: %s", err, canonical)
	}
	return &r
}

func losses(l *chat.Losses) string {
	var out []string
	for _, x := range l.List() {
		out = append(out, fmt.Sprintf("%s;%s", x.Field, x.Action))
	}
	return strings.Join(out, " ")
}

const hello = `"messages":[{"role":"user","parts":[{"type":"text","text":"hi"}]}]`

// TestEncode_SaysWhatOthersAskOrNamesIt: each row is a request that another
// dialect's caller can make, what Claude is sent of it, and what is named.
func TestEncode_SaysWhatOthersAskOrNamesIt(t *testing.T) {
	msgs := func(s string) string { return `{"messages":[` + s + `]}` }
	with := func(s string) string { return `{` + hello + `,` + s + `}` }
	user := func(part string) string { return msgs(`{"role":"user","parts":[` + part + `]}`) }
	for _, row := range []struct{ name, in, sends, losses string }{
		{"the limit of the model", `{` + hello + `}`, `"max_tokens":9000`, "sampling.max_tokens;approximated"},
		{"a limit as written", with(`"sampling":{"max_tokens":7}`), `"max_tokens":7`, ""},
		{"temperature over one", with(`"sampling":{"max_tokens":7,"temperature":1.7}`), `"temperature":1}`, "sampling.temperature;clamped"},
		{"both", with(`"sampling":{"max_tokens":7,"temperature":0.2,"top_p":0.5}`), `"temperature":0.2`, "sampling.top_p;dropped"},
		{"what has no place", with(`"sampling":{"max_tokens":7,"seed":1,"frequency_penalty":1,"logit_bias":{"1":2}},"verbosity":"low","user":"u","metadata":{"a":"b"},"store":true,"caching":{"key":"k"}`), "",
			"user;dropped sampling.frequency_penalty;dropped sampling.seed;dropped sampling.logit_bias;dropped caching.key;dropped verbosity;dropped metadata;dropped store;dropped"},
		{"a white stop", with(`"sampling":{"max_tokens":7,"stop":["\n","END"]}`), `"stop_sequences":["END"]`, "sampling.stop;dropped"},
		{"one answer", with(`"sampling":{"max_tokens":7,"n":1}`), "", ""},
		{"a hashed id", with(`"sampling":{"max_tokens":7},"safety_id":"h"`), `"metadata":{"user_id":"h"}`, ""},
		{"tiers", with(`"sampling":{"max_tokens":7},"service_tier":"default"`), `"service_tier":"standard_only"`, ""},
		{"a tier it has not", with(`"sampling":{"max_tokens":7},"service_tier":"flex"`), "", "service_tier;dropped"},
		{"developer leads", `{"sampling":{"max_tokens":7},"messages":[{"role":"developer","parts":[{"type":"text","text":"d"}]},{"role":"user","parts":[{"type":"text","text":"u"}]}]}`, `"system":[{"type":"text","text":"d"}],"messages":[{"role":"user"`, ""},
		{"any JSON object", with(`"sampling":{"max_tokens":7},"format":{"kind":"json_object"}`), `"system":[{"type":"text","text":"Answer with one JSON object and nothing else."}]`, "format;approximated"},
		{"a schema", with(`"sampling":{"max_tokens":7},"format":{"kind":"json_schema","name":"n","strict":true,"schema":{"b":1,"a":2}}`), `"output_config":{"format":{"type":"json_schema","schema":{"b":1,"a":2}}}`, ""},
		{"results in turn", `{"sampling":{"max_tokens":7},"messages":[{"role":"assistant","parts":[{"type":"tool_call","id":"a","name":"n","arguments":""},{"type":"tool_call","id":"b","name":"n","arguments":"[1]"}]},{"role":"user","parts":[{"type":"tool_result","call_id":"a","parts":[{"type":"text","text":"1"}]}]},{"role":"user","parts":[{"type":"text","text":"and"}]},{"role":"user","parts":[{"type":"tool_result","call_id":"b","error":true}]}]}`,
			`"input":{}},{"type":"tool_use","id":"b","name":"n","input":{"value":[1]}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":[{"type":"text","text":"1"}]},{"type":"tool_result","tool_use_id":"b","is_error":true},{"type":"text","text":"and"}]}]`, "messages[].parts[].arguments;approximated"},
		{"broken arguments", `{"sampling":{"max_tokens":7},"messages":[{"role":"assistant","parts":[{"type":"tool_call","id":"a.b","name":"n","arguments":"{\"cut\":"}]}]}`, `"input":{"_raw":"{\"cut\":"}`, "messages[].parts[].id;approximated messages[].parts[].arguments;approximated"},
		{"names and empty text", `{"sampling":{"max_tokens":7},"messages":[{"role":"user","name":"bob","parts":[{"type":"text","text":"x"},{"type":"text"}]},{"role":"assistant","parts":[{"type":"text"}]}]}`, `"messages":[{"role":"user","content":[{"type":"text","text":"x"}]}]`, "messages[].name;dropped"},
		{"a refusal", `{"sampling":{"max_tokens":7},"messages":[{"role":"assistant","parts":[{"type":"refusal","text":"no"}]}]}`, `{"type":"text","text":"no"}`, "messages[].parts[].refusal;approximated"},
		{"an image by detail", strings.Replace(user(`{"type":"media","medium":"image","media_type":"image/jpg","data":"/9j/","detail":"low"}`), "{", `{"sampling":{"max_tokens":7},`, 1), `"source":{"type":"base64","media_type":"image/jpeg","data":"/9j/"}`, "messages[].parts[].detail;dropped"},
		{"an image that says no type", strings.Replace(user(`{"type":"media","medium":"image","data":"iVBORw0KGgo="}`), "{", `{"sampling":{"max_tokens":7},`, 1), `"media_type":"image/png"`, ""},
		{"text as bytes", strings.Replace(user(`{"type":"media","medium":"document","media_type":"text/csv","data":"YSxi","name":"t"}`), "{", `{"sampling":{"max_tokens":7},`, 1), `"source":{"type":"text","media_type":"text/plain","data":"a,b"},"title":"t"`, "messages[].parts[].media_type;approximated"},
		{"a structured result", `{"sampling":{"max_tokens":7},"messages":[{"role":"user","parts":[{"type":"tool_result","call_id":"a","parts":[{"type":"json","value":{"a":1}}]}]}]}`, `"content":[{"type":"text","text":"{\"a\":1}"}]`, "messages[].parts[].parts[].value;approximated"},
		{"a signature on a call", `{"sampling":{"max_tokens":7},"messages":[{"role":"assistant","parts":[{"type":"tool_call","id":"a","name":"n","arguments":"{}","state":{"kind":"thought_sig","blob":"Z2Vt","minter":"google"}}]}]}`, "", "messages[].parts[].state;dropped"},
		{"unsigned reasoning", `{"sampling":{"max_tokens":7},"messages":[{"role":"assistant","parts":[{"type":"reasoning","text":"secret thought"},{"type":"text","text":"x"}]}]}`, `"content":[{"type":"text","text":"x"}]`, "messages[].parts[].reasoning;dropped"},
		{"another's citation", `{"sampling":{"max_tokens":7},"messages":[{"role":"assistant","parts":[{"type":"text","text":"x","citations":[{"kind":"url","url":"https://a"}]}]}]}`, `{"type":"text","text":"x"}`, "messages[].parts[].citations;dropped"},
		{"another's field", with(`"sampling":{"max_tokens":7},"extra":[{"dialect":"openai","name":"prediction","value":{}},{"dialect":"anthropic","name":"speed","value":"fast"},{"dialect":"anthropic","name":"inference_geo","value":"global"}]`), `"speed":"fast"`, "prediction;dropped inference_geo;dropped"},
		{"a subset of tools", with(`"sampling":{"max_tokens":7},"tools":[{"kind":"function","name":"a"},{"kind":"function","name":"b"}],"tool_choice":{"mode":"any","names":["b"]}`), `"tools":[{"name":"b","input_schema":{"type":"object","properties":{}}}],"tool_choice":{"type":"any"}`, "tool_choice.names;approximated"},
		{"one at a time", with(`"sampling":{"max_tokens":7},"tools":[{"kind":"function","name":"a"}],"parallel_tools":false`), `"tool_choice":{"type":"auto","disable_parallel_tool_use":true}`, ""},
		{"no choice among nothing", with(`"sampling":{"max_tokens":7},"parallel_tools":false,"tool_choice":{"mode":"auto"}`), "", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			l := chat.NewLosses("anthropic", nil, nil)
			o, err := anthropic.Client{}.Encode(asked(t, row.in), &dialect.Upstream{Model: "m", Family: "anthropic", MaxTokens: 9000}, l)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(string(o.Body), row.sends) {
				t.Errorf("sends %s", o.Body)
			}
			if got := losses(l); got != row.losses {
				t.Errorf("losses %q", got)
			}
			if strings.Contains(string(o.Body), "secret thought") || strings.Contains(string(o.Body), "Z2Vt") {
				t.Errorf("what is not the vendor's is sent: %s", o.Body)
			}
		})
	}
}

func TestEncode_RefusesWhatTheCallerReliesOn(t *testing.T) {
	user := func(part string) string { return `{"messages":[{"role":"user","parts":[` + part + `]}]}` }
	for field, in := range map[string]string{
		"sampling.n":                       `{` + hello + `,"sampling":{"n":2}}`,
		"sampling.logprobs":                `{` + hello + `,"sampling":{"logprobs":true}}`,
		"modalities":                       `{` + hello + `,"modalities":["text","audio"]}`,
		"caching.resource":                 `{` + hello + `,"caching":{"resource":"cachedContents/1"}}`,
		"tools[]":                          `{` + hello + `,"tools":[{"kind":"custom","name":"c"}]}`,
		"tools[].type":                     `{` + hello + `,"tools":[{"kind":"native","name":"file_search","native":{"dialect":"responses","name":"file_search","value":{}}}]}`,
		"tools[].name":                     `{` + hello + `,"tools":[{"kind":"function","name":"a.b"}]}`,
		"messages[].parts[].audio":         user(`{"type":"media","medium":"audio","media_type":"audio/wav","data":"AAAA"}`),
		"messages[].parts[].video":         user(`{"type":"media","medium":"video","url":"https://x/v.mp4"}`),
		"messages[].parts[].image":         user(`{"type":"media","medium":"image","media_type":"image/tiff","data":"AAAA"}`),
		"messages[].parts[].document":      user(`{"type":"media","medium":"document","media_type":"application/msword","data":"AAAA"}`),
		"messages[].parts[].guardContent":  user(`{"type":"native","dialect":"bedrock","native":"guardContent","value":{}}`),
		"messages[].parts[].parts[].audio": user(`{"type":"tool_result","call_id":"a","parts":[{"type":"media","medium":"audio","data":"AAAA"}]}`),
	} {
		l := chat.NewLosses("anthropic", nil, nil)
		_, err := anthropic.Client{}.Encode(asked(t, in), &dialect.Upstream{Model: "m", MaxTokens: 9}, l)
		f := fault.From(err)
		if err == nil || f.Kind != fault.Unsupported || f.Field != field {
			t.Errorf("%s: %v at %q", field, err, f)
			continue
		}
		// The workload's entry may allow the loss; then it is named.
		l = chat.NewLosses("anthropic", nil, []string{field})
		if _, err := (anthropic.Client{}).Encode(asked(t, in), &dialect.Upstream{Model: "m", MaxTokens: 9}, l); err != nil || !strings.Contains(losses(l), field+";dropped") {
			t.Errorf("%s, allowed: %v, losses %q", field, err, losses(l))
		}
	}
	for _, in := range []string{`{"type":"media","medium":"image","url":"gs://b/o"}`, `{"type":"media","medium":"image","file_id":"file-openai"}`, `{"type":"media","medium":"document"}`} {
		if _, err := (anthropic.Client{}).Encode(asked(t, user(in)), &dialect.Upstream{Model: "m", MaxTokens: 9}, chat.NewLosses("anthropic", nil, nil)); err == nil {
			t.Errorf("sent: %s", in)
		}
	}
}

// TestEncode_TellsTheModelHowToReason in the way that it takes.
func TestEncode_TellsTheModelHowToReason(t *testing.T) {
	req := func(thinking, rest string) string {
		return `{` + hello + `,"sampling":{"max_tokens":9000}` + rest + `,"thinking":` + thinking + `}`
	}
	const forced = `,"tools":[{"kind":"function","name":"a"}],"tool_choice":{"mode":"any"}`
	turn := func(reasoning string) string {
		return `{"sampling":{"max_tokens":9000},"thinking":{"effort":"high"},"tools":[{"kind":"function","name":"n"}],"messages":[{"role":"user","parts":[{"type":"text","text":"q"}]},{"role":"assistant","parts":[` + reasoning + `{"type":"tool_call","id":"a","name":"n","arguments":"{}"}]},{"role":"user","parts":[{"type":"tool_result","call_id":"a"}]}]}`
	}
	signed := func(minter string) string {
		return `{"type":"reasoning","text":"t","state":{"kind":"signed_text","blob":"c2ln","minter":"` + minter + `"}},`
	}
	for _, row := range []struct{ name, reasoning, in, sends, losses string }{
		{"effort, adaptive", "adaptive", req(`{"effort":"high"}`, ""), `"thinking":{"type":"adaptive"},"output_config":{"effort":"high"}`, ""},
		{"effort, not known", "", req(`{"effort":"minimal"}`, ""), `"thinking":{"type":"adaptive"},"output_config":{"effort":"low"}`, "thinking.effort;approximated"},
		{"effort, by budget", "budget", req(`{"effort":"medium"}`, ""), `"thinking":{"type":"enabled","budget_tokens":2048}`, "thinking.effort;approximated"},
		{"none", "budget", req(`{"effort":"none"}`, ""), `"thinking":{"type":"disabled"}`, ""},
		{"budget as written", "budget", req(`{"mode":"enabled","budget":5000}`, ""), `"thinking":{"type":"enabled","budget_tokens":5000}`, ""},
		{"budget, adaptive", "adaptive", req(`{"mode":"enabled","budget":5000}`, ""), `"thinking":{"type":"adaptive"},"output_config":{"effort":"xhigh"}`, "thinking.budget;approximated thinking.mode;approximated"},
		{"a budget too small", "budget", req(`{"budget":100}`, ""), `"budget_tokens":1024`, "thinking.budget;approximated"},
		{"a budget over the limit", "budget", req(`{"mode":"enabled","budget":9000}`, ""), `"budget_tokens":8999`, "thinking.budget;approximated"},
		{"no room", "budget", strings.Replace(req(`{"effort":"high"}`, ""), "9000", "900", 1), ``, "thinking;approximated"},
		{"the model decides", "budget", req(`{"budget":-1}`, ""), `"budget_tokens":4096`, "thinking.budget;approximated"},
		{"thoughts are shown", "adaptive", req(`{"effort":"low","show":true}`, ""), `"thinking":{"type":"adaptive","display":"summarized"}`, ""},
		{"a forced call", "adaptive", req(`{"effort":"high"}`, forced), `"tool_choice":{"type":"any"},"output_config":{"effort":"high"}`, "thinking;approximated"},
		{"sampling while it reasons", "adaptive", strings.Replace(req(`{"effort":"high"}`, ""), `"max_tokens":9000`, `"max_tokens":9000,"temperature":0.5,"top_k":3`, 1), `"max_tokens":9000,"messages"`, "sampling.temperature;dropped sampling.top_k;dropped"},
		{"a turn with its own state", "budget", turn(signed("anthropic")), `{"type":"thinking","thinking":"t","signature":"c2ln"},{"type":"tool_use"`, "thinking.effort;approximated"},
		{"a turn with another's", "budget", turn(signed("other")), `"content":[{"type":"tool_use"`, "messages[].parts[].state;dropped thinking;approximated"},
		{"a turn without any, adaptive", "adaptive", turn(""), `"thinking":{"type":"adaptive"}`, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			l := chat.NewLosses("anthropic", nil, nil)
			o, err := anthropic.Client{}.Encode(asked(t, row.in), &dialect.Upstream{Model: "m", Family: "anthropic", Reasoning: row.reasoning}, l)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(string(o.Body), row.sends) {
				t.Errorf("sends %s", o.Body)
			}
			if got := losses(l); got != row.losses {
				t.Errorf("losses %q", got)
			}
			if row.sends == "" && strings.Contains(string(o.Body), "thinking") {
				t.Errorf("sends %s", o.Body)
			}
		})
	}
}

// TestEncode_PlacesInstructionsWithinTheConversation: behind a user's turn on a
// model that takes them; else the user says them.
func TestEncode_PlacesInstructionsWithinTheConversation(t *testing.T) {
	say := func(role, text string) string {
		return `{"role":"` + role + `","parts":[{"type":"text","text":"` + text + `"}]}`
	}
	req := func(turns ...string) string {
		return `{"sampling":{"max_tokens":1},"messages":[` + strings.Join(turns, ",") + `]}`
	}
	block := func(role string, texts ...string) string {
		for i := range texts {
			texts[i] = `{"type":"text","text":"` + texts[i] + `"}`
		}
		return `{"role":"` + role + `","content":[` + strings.Join(texts, ",") + `]}`
	}
	u, a, s, d := say("user", "u"), say("assistant", "a"), say("system", "s"), say("developer", "d")
	for _, row := range []struct {
		name   string
		mid    bool
		in     string
		want   string
		losses string
	}{
		{"last", true, req(u, s), block("user", "u") + "," + block("system", "s"), ""},
		{"before the assistant", true, req(u, s, d, a), block("user", "u") + "," + block("system", "s", "d") + "," + block("assistant", "a"), ""},
		{"behind the assistant", true, req(u, a, s, u), block("user", "u") + "," + block("assistant", "a") + "," + block("user", "s", "u"), "messages[].role;approximated"},
		{"an older model", false, req(u, s, a), block("user", "u", "s") + "," + block("assistant", "a"), "messages[].role;approximated"},
	} {
		l := chat.NewLosses("anthropic", nil, nil)
		o, err := anthropic.Client{}.Encode(asked(t, row.in), &dialect.Upstream{Model: "m", MidSystem: row.mid}, l)
		if err != nil || !strings.Contains(string(o.Body), `"messages":[`+row.want+`]`) || losses(l) != row.losses {
			t.Errorf("%s: %v, sends %s, losses %q", row.name, err, o.Body, losses(l))
		}
	}
}

func TestEncode_SurfacesDifferInPathAndVersion(t *testing.T) {
	r := asked(t, `{`+hello+`,"stream":true,"sampling":{"max_tokens":7},"extra":[{"dialect":"anthropic","name":"anthropic-beta","value":["b"]}]}`)
	for _, row := range []struct {
		to                 dialect.Upstream
		path, body, header string
	}{
		{dialect.Upstream{Model: "m"}, "/v1/messages", `{"model":"m","max_tokens":7,"messages":[{"role":"user","content":[{"type":"text","text":"hi"}]}],"stream":true}`, "map[Anthropic-Beta:[b] Anthropic-Version:[2023-06-01]]"},
		{dialect.Upstream{Model: "m", Surface: anthropic.SurfaceInvoke}, "/model/m/invoke-with-response-stream", `{"anthropic_version":"bedrock-2023-05-31","max_tokens":7,"messages":[{"role":"user","content":[{"type":"text","text":"hi"}]}],"anthropic_beta":["b"]}`, "map[]"},
		{dialect.Upstream{Model: "m", Surface: anthropic.SurfaceVertex, Project: "p", Location: "l"}, "/v1/projects/p/locations/l/publishers/anthropic/models/m:streamRawPredict", `{"anthropic_version":"vertex-2023-10-16","max_tokens":7,"messages":[{"role":"user","content":[{"type":"text","text":"hi"}]}],"stream":true}`, "map[Anthropic-Beta:[b]]"},
	} {
		o, err := anthropic.Client{}.Encode(r, &row.to, chat.NewLosses("anthropic", nil, nil))
		if err != nil || o.Path != row.path || string(o.Body) != row.body || fmt.Sprint(o.Header) != row.header || o.Method != "POST" {
			t.Errorf("%s: %v %s %s %v", row.to.Surface, err, o.Path, o.Body, o.Header)
		}
	}
	if u, err := (anthropic.Client{}).CountReply([]byte(`{"inputTokens":12}`), new(wire.Scanner)); err != nil || u.Prompt() != 12 {
		t.Errorf("Bedrock's count: %v, %v", u, err)
	}
	if u, err := (anthropic.Client{}).CountReply([]byte(`{"totalTokens":12}`), new(wire.Scanner)); err == nil {
		t.Errorf("a count that is none: %v", u)
	}
	b, err := anthropic.Server{}.CountReply(nil, &chat.Usage{Input: 3, CacheRead: 4}, &dialect.Answering{Call: call.ID("c")})
	if err != nil || string(b) != `{"input_tokens":7}` {
		t.Errorf("%s, %v", b, err)
	}
}
