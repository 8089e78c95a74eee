package sim_test

import (
	"strings"
	"testing"

	"bulkhead/sim"
)

func TestVendor_RefusesBadBodies(t *testing.T) {
	s := start(t, sim.Options{})
	const hi = `"messages":[{"role":"user","content":"hi"}]`
	for _, row := range []struct {
		name, body  string
		status      int
		code, param any
	}{
		{"not JSON", `{"model":`, 400, nil, nil},
		{"two values", `{} {}`, 400, nil, nil},
		{"invalid UTF-8", "{\"model\":\"gpt-4o\xff\"}", 400, nil, nil},
		{"an array", `[]`, 400, "invalid_type", "body"},
		{"no model", `{` + hi + `}`, 400, nil, nil},
		{"model of a wrong type", `{"model":3,` + hi + `}`, 400, "invalid_type", "model"},
		{"unknown model", `{"model":"nope",` + hi + `}`, 404, "model_not_found", nil},
		{"embedding model", `{"model":"text-embedding-3-small",` + hi + `}`, 400, "OperationNotSupported", nil},
		{"no messages", `{"model":"gpt-4o"}`, 400, "missing_required_parameter", "messages"},
		{"empty messages", `{"model":"gpt-4o","messages":[]}`, 400, "empty_array", "messages"},
		{"messages a string", `{"model":"gpt-4o","messages":"hi"}`, 400, "invalid_type", "messages"},
		{"message a string", `{"model":"gpt-4o","messages":["hi"]}`, 400, "invalid_type", "messages[0]"},
		{"no role", `{"model":"gpt-4o","messages":[{"content":"x"}]}`, 400, "missing_required_parameter", "messages[0].role"},
		{"unknown role", `{"model":"gpt-4o","messages":[{"role":"boss","content":"x"}]}`, 400, "invalid_value", "messages[0].role"},
		{"no content", `{"model":"gpt-4o","messages":[{"role":"user"}]}`, 400, "missing_required_parameter", "messages[0].content"},
		{"content a number", `{"model":"gpt-4o","messages":[{"role":"user","content":3}]}`, 400, "invalid_type", "messages[0].content"},
		{"unknown part", `{"model":"gpt-4o","messages":[{"role":"user","content":[{"type":"hologram"}]}]}`, 400, "invalid_value", "messages[0].content[0].type"},
		{"bad image", `{"model":"gpt-4o","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,???"}}]}]}`, 400, "invalid_base64", "messages[0].content[0].image_url.url"},
		{"temperature too high", `{"model":"gpt-4o","temperature":2.5,` + hi + `}`, 400, "decimal_above_max_value", "temperature"},
		{"temperature a string", `{"model":"gpt-4o","temperature":"hot",` + hi + `}`, 400, "invalid_type", "temperature"},
		{"n zero", `{"model":"gpt-4o","n":0,` + hi + `}`, 400, "integer_below_min_value", "n"},
		{"n a decimal", `{"model":"gpt-4o","n":1.5,` + hi + `}`, 400, "invalid_type", "n"},
		{"five stops", `{"model":"gpt-4o","stop":["a","b","c","d","e"],` + hi + `}`, 400, "array_above_max_length", "stop"},
		{"unknown field", `{"model":"gpt-4o","top_k":4,` + hi + `}`, 400, "unknown_parameter", "top_k"},
		{"max_tokens for a reasoning model", `{"model":"gpt-5","max_tokens":4,` + hi + `}`, 400, "unsupported_parameter", "max_tokens"},
		{"stream_options without stream", `{"model":"gpt-4o","stream_options":{"include_usage":true},` + hi + `}`, 400, nil, "stream_options"},
		{"top_logprobs without logprobs", `{"model":"gpt-4o","top_logprobs":2,` + hi + `}`, 400, nil, "top_logprobs"},
		{"json_object without the word", `{"model":"gpt-4o","response_format":{"type":"json_object"},` + hi + `}`, 400, nil, "messages"},
		{"unknown format", `{"model":"gpt-4o","response_format":{"type":"xml"},` + hi + `}`, 400, "invalid_value", "response_format.type"},
		{"schema without name", `{"model":"gpt-4o","response_format":{"type":"json_schema","json_schema":{"schema":{}}},` + hi + `}`, 400, "missing_required_parameter", "response_format.json_schema.name"},
		{"unknown tool type", `{"model":"gpt-4o","tools":[{"type":"web_search"}],` + hi + `}`, 400, "invalid_value", "tools[0].type"},
		{"bad tool name", `{"model":"gpt-4o","tools":[{"type":"function","function":{"name":"a b"}}],` + hi + `}`, 400, "invalid_value", "tools[0].function.name"},
		{"tool_choice without tools", `{"model":"gpt-4o","tool_choice":"auto",` + hi + `}`, 400, nil, "tool_choice"},
		{"tool_choice of an absent tool", `{"model":"gpt-4o","tools":[{"type":"function","function":{"name":"a"}}],"tool_choice":{"type":"function","function":{"name":"b"}},` + hi + `}`, 400, nil, "tool_choice"},
		{"parameters not an object", `{"model":"gpt-4o","tools":[{"type":"function","function":{"name":"a","parameters":{"type":"string"}}}],` + hi + `}`, 400, "invalid_function_parameters", "tools[0].function.parameters"},
		{"calls without results", `{"model":"gpt-4o","messages":[{"role":"assistant","tool_calls":[{"id":"1","type":"function","function":{"name":"a","arguments":"{}"}}]},{"role":"user","content":"hi"}]}`, 400, nil, "messages"},
		{"too long", `{"model":"gpt-4o","messages":[{"role":"user","content":"` + strings.Repeat("a ", 130000) + `"}]}`, 400, "context_length_exceeded", "messages"},
		{"audio from a model that cannot", `{"model":"gpt-4o","modalities":["audio"],"audio":{"voice":"alloy","format":"wav"},` + hi + `}`, 400, "invalid_value", "modalities"},
	} {
		t.Run(row.name, func(t *testing.T) {
			res := s.chat(row.body)
			v := decode(t, res.body).at("error")
			if res.StatusCode != row.status || v.at("code").any != row.code || v.at("param").any != row.param {
				t.Errorf("got %d %s, want %d with code %v and param %v", res.StatusCode, res.body, row.status, row.code, row.param)
			}
			if v.str("message") == "" || v.str("type") != "invalid_request_error" {
				t.Errorf("got %s", res.body)
			}
			if res.Header.Get("X-Request-Id") == "" || res.Header.Get("Content-Type") != "application/json" {
				t.Errorf("headers: %v", res.Header)
			}
		})
	}
}

func TestVendor_RefusesBadEmbeddings(t *testing.T) {
	s := start(t, sim.Options{})
	for body, param := range map[string]any{
		`{"model":"text-embedding-3-small"}`:                                              "input",
		`{"model":"text-embedding-3-small","input":""}`:                                   "input",
		`{"model":"text-embedding-3-small","input":[]}`:                                   "input",
		`{"model":"text-embedding-3-small","input":["a",""]}`:                             "input[1]",
		`{"model":"text-embedding-3-small","input":[["a"]]}`:                              "input[0]",
		`{"model":"text-embedding-3-small","input":true}`:                                 "input",
		`{"model":"text-embedding-3-small","input":"a","encoding_format":"hex"}`:          "encoding_format",
		`{"model":"text-embedding-3-small","input":"a","dimensions":0}`:                   "dimensions",
		`{"model":"text-embedding-3-small","input":"a","dimensions":9999}`:                "dimensions",
		`{"model":"text-embedding-ada-002","input":"a","dimensions":8}`:                   "dimensions",
		`{"model":"text-embedding-3-small","input":"a","colour":"red"}`:                   "colour",
		`{"model":"text-embedding-3-small","input":"` + strings.Repeat("a ", 9000) + `"}`: "input",
	} {
		res := s.do("POST", s.BaseURL(s.url, "openai")+"/embeddings", body)
		if v := decode(t, res.body).at("error"); res.StatusCode != 400 || v.at("param").any != param {
			t.Errorf("%.80s: got %d %s, want param %v", body, res.StatusCode, res.body, param)
		}
	}
}

func TestVendor_ChecksCredentialsInItsOwnShape(t *testing.T) {
	s := start(t, sim.Options{Key: "sk-right-key-0001"})
	openai, azure, bedrock := s.BaseURL(s.url, "openai"), s.BaseURL(s.url, "azure"), s.BaseURL(s.url, "bedrock")
	body := ask("gpt-4o", "hi")
	for _, row := range []struct {
		name, url string
		header    []string
		status    int
		want      string // stands in the body
	}{
		{"openai, right", openai + "/chat/completions", []string{"Authorization", "Bearer sk-right-key-0001"}, 200, `"chat.completion"`},
		{"openai, wrong", openai + "/chat/completions", []string{"Authorization", "Bearer sk-wrong-key-0002"}, 401, `"code":"invalid_api_key"`},
		{"openai, none", openai + "/chat/completions", []string{"Authorization", ""}, 401, `"code":null`},
		{"openai, in Azure's header", openai + "/chat/completions", []string{"Authorization", "", "Api-Key", "sk-right-key-0001"}, 401, `"error"`},
		{"azure, api-key", azure + "/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21", []string{"Authorization", "", "Api-Key", "sk-right-key-0001"}, 200, `"prompt_filter_results"`},
		{"azure, bearer", azure + "/openai/v1/chat/completions", []string{"Authorization", "Bearer sk-right-key-0001"}, 200, `"prompt_filter_results"`},
		{"azure, wrong", azure + "/openai/v1/chat/completions", []string{"Authorization", "", "Api-Key", "x"}, 401, `{"error":{"code":"401","message":"Access denied`},
		{"azure, no api-version", azure + "/openai/deployments/gpt-4o/chat/completions", []string{"Authorization", "Bearer sk-right-key-0001"}, 404, `{"error":{"code":"404","message":"Resource not found"}}`},
		{"azure, no such deployment", azure + "/openai/deployments/none/chat/completions?api-version=2024-10-21", []string{"Authorization", "Bearer sk-right-key-0001"}, 404, `"code":"DeploymentNotFound"`},
		{"bedrock, wrong", bedrock + "/chat/completions", []string{"Authorization", "Bearer x"}, 403, `{"Message":"`},
		{"compatible, wrong", s.BaseURL(s.url, "compatible") + "/chat/completions", []string{"Authorization", "Bearer x"}, 401, `"error"`},
	} {
		t.Run(row.name, func(t *testing.T) {
			res := s.do("POST", row.url, body, row.header...)
			if res.StatusCode != row.status || !strings.Contains(string(res.body), row.want) {
				t.Errorf("got %d %s, want %d with %s", res.StatusCode, res.body, row.status, row.want)
			}
			if strings.Contains(string(res.body), "sk-right-key-0001") || strings.Contains(string(res.body), "sk-wrong-key-0002") {
				t.Errorf("a key in the reply: %s", res.body)
			}
		})
	}
}

func TestVendor_AnswersOtherPathsAndMethods(t *testing.T) {
	s := start(t, sim.Options{})
	base := s.BaseURL(s.url, "openai")
	if res := s.do("GET", base+"/chat/completions", ""); res.StatusCode != 405 || res.Header.Get("Allow") != "POST" {
		t.Errorf("GET: got %d %v", res.StatusCode, res.Header)
	}
	if res := s.do("POST", base+"/moderations", "{}"); res.StatusCode != 404 || !strings.Contains(string(res.body), "Invalid URL (POST /v1/moderations)") {
		t.Errorf("unknown path: got %d %s", res.StatusCode, res.body)
	}
	if res := s.do("POST", s.url+"/vendor/nobody/v1/chat/completions", "{}"); res.StatusCode != 404 {
		t.Errorf("unknown vendor: got %d %s", res.StatusCode, res.body)
	}
	// Without a prefix the first vendor that has such a path answers.
	if res := s.do("POST", s.url+"/v1/chat/completions", ask("gpt-4o", "hi")); res.StatusCode != 200 || res.Header.Get("Openai-Version") == "" {
		t.Errorf("OpenAI's own path: got %d %s", res.StatusCode, res.body)
	}
	if res := s.do("POST", s.url+"/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21", ask("gpt-4o", "hi")); res.StatusCode != 200 || res.Header.Get("Apim-Request-Id") == "" {
		t.Errorf("Azure's own path: got %d %s", res.StatusCode, res.body)
	}
}

func TestVendor_AcceptsUnknownFieldsWhereToldTo(t *testing.T) {
	s := start(t, sim.Options{Vendors: []sim.Vendor{{Name: "openai", Kind: sim.OpenAI, AcceptUnknownFields: true}}})
	if res := s.chat(ask("gpt-4o", "hi", `"top_k":4`)); res.StatusCode != 200 {
		t.Errorf("got %d %s", res.StatusCode, res.body)
	}
}

func TestStart_RefusesWhatCannotWork(t *testing.T) {
	for name, try := range map[string]func() (string, error){
		"not loopback": func() (string, error) { return sim.New(sim.Options{}).Start("0.0.0.0:0") },
		"no port":      func() (string, error) { return sim.New(sim.Options{}).Start("127.0.0.1") },
		"same name": func() (string, error) {
			return sim.New(sim.Options{Vendors: []sim.Vendor{{Name: "a", Kind: sim.OpenAI}, {Name: "a", Kind: sim.Azure}}}).Start("127.0.0.1:0")
		},
		"bad name": func() (string, error) {
			return sim.New(sim.Options{Vendors: []sim.Vendor{{Name: "a/b", Kind: sim.OpenAI}}}).Start("127.0.0.1:0")
		},
		"unknown kind": func() (string, error) {
			return sim.New(sim.Options{Vendors: []sim.Vendor{{Name: "a", Kind: "x"}}}).Start("127.0.0.1:0")
		},
		"unknown vendor": func() (string, error) { return sim.New(sim.Options{}).StartVendor("x", "127.0.0.1:0") },
	} {
		if url, err := try(); err == nil {
			t.Errorf("%s: it listens at %s", name, url)
		}
	}
}
