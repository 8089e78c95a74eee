package sim_test

import (
	"encoding/base64"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"bulkhead/sim"
)

const weatherTool = `"tools":[{"type":"function","function":{"name":"get_current_weather","description":"Weather of a place","parameters":{"type":"object","properties":{"location":{"type":"string"},"unit":{"type":"string","enum":["celsius","fahrenheit"]}},"required":["location"]}}},` +
	`{"type":"function","function":{"name":"add_numbers","parameters":{"type":"object","properties":{"a":{"type":"integer"},"b":{"type":"integer"}},"required":["a","b"]}}}]`

func TestTools_AreCalledWhenThePromptAsks(t *testing.T) {
	s := start(t, sim.Options{})
	for _, row := range []struct {
		name, prompt, more string
		calls              []string // name and arguments
	}{
		{"asked", "What is the weather in Boston, MA in celsius?", "", []string{`get_current_weather {"location":"Boston, MA","unit":"celsius"}`}},
		{"not asked", "Tell me a story", "", nil},
		{"list", "Compare the weather in Paris, Rome and New York City", "", []string{
			`get_current_weather {"location":"Paris"}`, `get_current_weather {"location":"Rome"}`, `get_current_weather {"location":"New York City"}`}},
		{"list, one at a time", "Compare the weather in Paris and Rome", `"parallel_tool_calls":false`, []string{`get_current_weather {"location":"Paris"}`}},
		{"numbers", "Please add the numbers 17 and 25", "", []string{`add_numbers {"a":17,"b":25}`}},
		{"several tools", "Give me the weather in Oslo, and add the numbers 1 and 2", "", []string{`get_current_weather {"location":"Oslo"}`, `add_numbers {"a":1,"b":2}`}},
		{"none", "What is the weather in Paris?", `"tool_choice":"none"`, nil},
		{"required", "Tell me a story", `"tool_choice":"required"`, []string{`get_current_weather {"location":"simulated location"}`}},
		{"named", "Tell me a story about 4 of 6", `"tool_choice":{"type":"function","function":{"name":"add_numbers"}}`, []string{`add_numbers {"a":4,"b":6}`}},
		{"allowed", "The weather in Paris? And add the numbers 1, 2", `"tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"auto","tools":[{"type":"function","function":{"name":"add_numbers"}}]}}`, []string{`add_numbers {"a":1,"b":2}`}},
		{"directed", "Anything [sim:tool=add_numbers] 8 9", "", []string{`add_numbers {"a":8,"b":9}`}},
	} {
		t.Run(row.name, func(t *testing.T) {
			more := []string{weatherTool}
			if row.more != "" {
				more = append(more, row.more)
			}
			c := decode(t, s.chat(ask("gpt-4o", row.prompt, more...)).body).at("choices", 0)
			var got []string
			if c.at("message").has("tool_calls") {
				for i := range c.len("message", "tool_calls") {
					f := c.at("message", "tool_calls", i, "function")
					got = append(got, f.str("name")+" "+f.str("arguments"))
				}
			}
			if fmt.Sprint(got) != fmt.Sprint(row.calls) {
				t.Errorf("got %q, want %q", got, row.calls)
			}
			want := "stop"
			if row.calls != nil {
				want = "tool_calls"
			}
			if finish := c.str("finish_reason"); finish != want {
				t.Errorf("finish_reason: got %q, want %q", finish, want)
			}
		})
	}
}

func TestTools_ResultsGetAFinalAnswer(t *testing.T) {
	s := start(t, sim.Options{})
	const history = `{"model":"gpt-4o","messages":[{"role":"user","content":"What is the weather in Paris?"},` +
		`{"role":"assistant","content":null,"tool_calls":[{"id":"call_1","type":"function","function":{"name":"get_current_weather","arguments":"{}"}}]},` +
		`{"role":"tool","tool_call_id":"call_1","content":"{\"sky\":\"clear\"}"}],` + weatherTool + `}`
	c := decode(t, s.chat(history).body).at("choices", 0)
	if got := c.str("message", "content"); !strings.Contains(got, `{"sky":"clear"}`) || c.str("finish_reason") != "stop" {
		t.Errorf("got %v, want an answer with the tool's result", c.any)
	}
	orphan := strings.Replace(history, `"tool_call_id":"call_1"`, `"tool_call_id":"call_2"`, 1)
	if res := s.chat(orphan); res.StatusCode != 400 {
		t.Errorf("an answer to a call that was not made: got %d %s, want 400", res.StatusCode, res.body)
	}
}

func TestChat_HonoursLimitsAndStops(t *testing.T) {
	s := start(t, sim.Options{})
	ofChoice := func(model, prompt, more string) (content, finish string, tokens int) {
		v := decode(t, s.chat(ask(model, prompt, more)).body)
		return v.str("choices", 0, "message", "content"), v.str("choices", 0, "finish_reason"), v.num("usage", "completion_tokens")
	}
	if _, finish, n := ofChoice("gpt-4o", "Write 400 words", `"max_tokens":23`); finish != "length" || n != 23 {
		t.Errorf("max_tokens 23: got %d tokens, %s", n, finish)
	}
	if text, finish, n := ofChoice("gpt-5", "Hello", `"max_completion_tokens":100`); text != "" || finish != "length" || n != 100 {
		t.Errorf("all spent on thought: got %q, %d tokens, %s", text, n, finish)
	}
	if text, finish, _ := ofChoice("gpt-4o", "Say: one two STOP three", `"stop":["STOP","zzz"]`); text != "one two " || finish != "stop" {
		t.Errorf("stop: got %q, %s", text, finish)
	}
	if text, _, _ := ofChoice("gpt-4o", "Write exactly 120 words about rivers", `"n":1`); len(strings.Fields(text)) != 120 {
		t.Errorf("120 words: got %d", len(strings.Fields(text)))
	}
	if text, _, _ := ofChoice("gpt-4o", "Say exactly: Łódź – 东京 \"q\"", `"n":1`); text != "Łódź – 东京 \"q\"" {
		t.Errorf("say exactly: got %q", text)
	}
}

func TestChat_ReasoningIsCountedByEffort(t *testing.T) {
	s := start(t, sim.Options{})
	for effort, want := range map[string]int{"none": 0, "minimal": 0, "low": 64, "medium": 192, "high": 512, "max": 1024} {
		v := decode(t, s.chat(ask("gpt-5", "Hello", `"reasoning_effort":`+quote(effort))).body)
		if got := v.num("usage", "completion_tokens_details", "reasoning_tokens"); got != want {
			t.Errorf("%s: got %d, want %d", effort, got, want)
		}
	}
}

func TestChat_LogprobsAreOfItsTokens(t *testing.T) {
	s := start(t, sim.Options{})
	c := decode(t, s.chat(ask("gpt-4o", "Say: naïve 東京", `"logprobs":true,"top_logprobs":4`)).body).at("choices", 0)
	var text strings.Builder
	for i := range c.len("logprobs", "content") {
		one := c.at("logprobs", "content", i)
		text.WriteString(one.str("token"))
		if n := one.len("top_logprobs"); n != 4 {
			t.Fatalf("token %d: %d top_logprobs, want 4", i, n)
		}
		last, seen := 0.0, map[string]bool{}
		for k := range 4 {
			top := one.at("top_logprobs", k)
			p := top.at("logprob").any.(float64)
			if p > last || seen[top.str("token")] {
				t.Errorf("token %d: %v is out of order or twice", i, top.any)
			}
			last, seen[top.str("token")] = p, true
		}
		if got := one.str("top_logprobs", 0, "token"); got != one.str("token") {
			t.Errorf("token %d: the first alternative is %q", i, got)
		}
	}
	if got := text.String(); got != c.str("message", "content") {
		t.Errorf("tokens give %q, want %q", got, c.str("message", "content"))
	}
}

func TestChat_PromptCacheIsCounted(t *testing.T) {
	s := start(t, sim.Options{})
	long := strings.Repeat("you are an expert of tides and rivers. ", 400)
	cached := func(text string) int {
		return decode(t, s.chat(ask("gpt-4o", text)).body).num("usage", "prompt_tokens_details", "cached_tokens")
	}
	if got := cached(long + "one"); got != 0 {
		t.Errorf("first call: got %d cached tokens, want 0", got)
	}
	if got := cached(long + "two"); got < 1024 || got%128 != 0 {
		t.Errorf("second call: got %d cached tokens, want a multiple of 128 from 1024", got)
	}
	if got := cached("short"); got != 0 {
		t.Errorf("short prompt: got %d, want 0", got)
	}
}

func TestChat_HearsAndSpeaks(t *testing.T) {
	s := start(t, sim.Options{})
	pixel := base64.StdEncoding.EncodeToString(make([]byte, 149))
	v := decode(t, s.chat(`{"model":"gpt-4o","messages":[{"role":"user","content":[{"type":"text","text":"What is this?"},{"type":"image_url","image_url":{"url":"data:image/png;base64,`+pixel+`"}},{"type":"input_audio","input_audio":{"data":"`+pixel+`","format":"wav"}}]}]}`).body)
	for _, want := range []string{"an image (image/png, 149 bytes)", "an audio clip (wav, 149 bytes)"} {
		if got := v.str("choices", 0, "message", "content"); !strings.Contains(got, want) {
			t.Errorf("%q does not mention %q", got, want)
		}
	}
	v = decode(t, s.chat(ask("gpt-4o-audio-preview", "Say: hello there", `"modalities":["text","audio"],"audio":{"voice":"alloy","format":"wav"}`)).body)
	audio := v.at("choices", 0, "message", "audio")
	raw, err := base64.StdEncoding.DecodeString(audio.str("data"))
	if err != nil || string(raw[:4]) != "RIFF" || string(raw[8:12]) != "WAVE" || audio.str("transcript") != "hello there" {
		t.Errorf("audio: %v, %q", err, audio.str("transcript"))
	}
	if got := v.num("usage", "completion_tokens_details", "audio_tokens"); got != 2 {
		t.Errorf("audio_tokens: got %d, want 2", got)
	}
	chunks, done := frames(t, s.chat(ask("gpt-4o-audio-preview", "Say: hello there", `"stream":true,"modalities":["text","audio"],"audio":{"voice":"alloy","format":"pcm16"}`)).body)
	var transcript string
	sound := 0
	for _, c := range chunks {
		if d := c.at("choices", 0, "delta"); d.has("audio") {
			if d.at("audio").has("transcript") {
				transcript += d.str("audio", "transcript")
			}
			if d.at("audio").has("data") {
				raw, _ := base64.StdEncoding.DecodeString(d.str("audio", "data"))
				sound += len(raw)
			}
		}
	}
	if transcript != "hello there" || sound != 2*2*24000/20 || !done {
		t.Errorf("spoken stream: %q, %d bytes of sound, done %v", transcript, sound, done)
	}
}

func TestChat_CompatibleServersShowTheirReasoning(t *testing.T) {
	s := start(t, sim.Options{})
	url := s.BaseURL(s.url, "compatible") + "/chat/completions"
	body := ask("deepseek-v4-pro", "Tell me about tides", `"reasoning_effort":"low","thinking":{"type":"enabled"},"max_tokens":400`)
	m := decode(t, s.do("POST", url, body).body).at("choices", 0, "message")
	chunks, _ := frames(t, s.do("POST", url, strings.TrimSuffix(body, "}")+`,"stream":true}`).body)
	got := fold(t, chunks, 0)
	if got.reasoning == "" || got.reasoning != m.str("reasoning_content") || got.content != m.str("content") {
		t.Errorf("got %+v, want %v", got, m.any)
	}
}

func TestEmbeddings_AreUnitVectorsOfTheAskedSize(t *testing.T) {
	s := start(t, sim.Options{})
	embed := func(body string) value {
		t.Helper()
		return decode(t, s.do("POST", s.BaseURL(s.url, "openai")+"/embeddings", body).body)
	}
	vec := func(v value, i int) []float64 {
		var out []float64
		for k := range v.len("data", i, "embedding") {
			out = append(out, v.at("data", i, "embedding", k).any.(float64))
		}
		return out
	}
	dot := func(a, b []float64) (sum float64) {
		for i := range a {
			sum += a[i] * b[i]
		}
		return sum
	}
	v := embed(`{"model":"text-embedding-3-small","input":["the ship sails at dawn","a ship sails at dusk","tax forms"],"dimensions":256}`)
	a, b, c := vec(v, 0), vec(v, 1), vec(v, 2)
	if len(a) != 256 || math.Abs(dot(a, a)-1) > 1e-5 {
		t.Errorf("got %d dimensions, length² %v", len(a), dot(a, a))
	}
	if dot(a, b) <= dot(a, c) {
		t.Errorf("like texts lie at %v, unlike at %v", dot(a, b), dot(a, c))
	}
	want := len(sim.Tokens("the ship sails at dawn")) + len(sim.Tokens("a ship sails at dusk")) + len(sim.Tokens("tax forms"))
	if got := v.num("usage", "prompt_tokens"); got != want {
		t.Errorf("prompt_tokens: got %d, want %d", got, want)
	}
	raw, err := base64.StdEncoding.DecodeString(embed(`{"model":"text-embedding-3-small","input":"the ship sails at dawn","dimensions":256,"encoding_format":"base64"}`).str("data", 0, "embedding"))
	if err != nil || len(raw) != 4*256 {
		t.Fatalf("base64: %v, %d bytes", err, len(raw))
	}
	first := math.Float32frombits(uint32(raw[0]) | uint32(raw[1])<<8 | uint32(raw[2])<<16 | uint32(raw[3])<<24)
	if float32(a[0]) != first {
		t.Errorf("base64 begins with %v, float with %v", first, a[0])
	}
	if v := embed(`{"model":"text-embedding-3-large","input":[[1,2,3],[4]]}`); v.len("data") != 2 || v.len("data", 0, "embedding") != 3072 || v.num("usage", "prompt_tokens") != 4 {
		t.Errorf("token arrays: %d vectors, %d tokens", v.len("data"), v.num("usage", "prompt_tokens"))
	}
	if v := embed(`{"model":"text-embedding-3-small","input":[7,8,9]}`); v.len("data") != 1 || v.num("usage", "prompt_tokens") != 3 {
		t.Errorf("one token array: %d vectors", v.len("data"))
	}
}

func TestModels_AreListedAndFound(t *testing.T) {
	s := start(t, sim.Options{})
	for _, vendor := range []string{"openai", "bedrock", "compatible", "azure"} {
		base := s.BaseURL(s.url, vendor)
		if vendor == "azure" {
			base += "/openai/v1"
		}
		list := decode(t, s.do("GET", base+"/models", "").body)
		id := list.str("data", 0, "id")
		one := decode(t, s.do("GET", base+"/models/"+strings.ReplaceAll(id, ":", "%3A"), "").body)
		if one.str("id") != id || one.str("object") != "model" {
			t.Errorf("%s: got %v, want %s", vendor, one.any, id)
		}
	}
}

func TestTokens_GiveTheTextAgain(t *testing.T) {
	for text, want := range map[string][]string{
		"Hello, world!":     {"Hello", ",", " world", "!"},
		"I'm  12345 naïve":  {"I'm", " ", " 123", "45", " naïve"},
		"internationalised": {"internatio", "nalised"},
		"a\n\n b ":          {"a", "\n", "\n", " b", " "},
		"":                  nil,
	} {
		got := sim.Tokens(text)
		if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) || strings.Join(got, "") != text {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func FuzzTokens(f *testing.F) {
	f.Add("Hello, world! 東京 \x80 123")
	f.Fuzz(func(t *testing.T, text string) {
		if got := strings.Join(sim.Tokens(text), ""); got != text {
			t.Errorf("got %q, want %q", got, text)
		}
	})
}

func TestTools_CustomToolsGetText(t *testing.T) {
	s := start(t, sim.Options{})
	c := decode(t, s.chat(ask("gpt-5", "Use the code tool for 4 + 4", `"tools":[{"type":"custom","custom":{"name":"code","format":{"type":"text"}}}]`)).body).at("choices", 0, "message", "tool_calls", 0)
	if c.str("type") != "custom" || c.str("custom", "input") != "4 + 4" {
		t.Errorf("got %v", c.any)
	}
	var v any
	if err := json.Unmarshal([]byte(c.str("custom", "input")), &v); err == nil {
		t.Errorf("the input of a custom tool is JSON: %v", v)
	}
}
