package sim_test

import "bulkhead/sim"

// The pretend OpenAI speaks as the newest recordings do (August 2025 and later). What older ones lack or place
// elsewhere:
var (
	tierAndPadding = []string{".service_tier", ".obfuscation"}
	// Those of 2024 from the SDK's own tests also lack the null usage of each chunk and some details of the last.
	of2024 = append([]string{".usage null", ".usage.prompt_tokens_details", ".usage.completion_tokens_details.audio_tokens",
		".usage.completion_tokens_details.accepted_prediction_tokens", ".usage.completion_tokens_details.rejected_prediction_tokens"}, tierAndPadding...)
)

func wireCases() []wireCase {
	return []wireCase{
		{name: "openai-chat/audio-input.json", vendor: "openai"},
		{name: "openai-chat/custom-tool-call.json", vendor: "openai"},
		{name: "openai-chat/error-400-bad-request.json", vendor: "openai"},
		{name: "openai-chat/error-400-no-messages.json", vendor: "openai"},
		{name: "openai-chat/error-404-unknown-model.json", vendor: "openai"},
		{name: "openai-chat/error-429-rate-limit.json", vendor: "openai", path: "/v1/chat/completions", body: ask("gpt-4o-mini", "hi"),
			fault: &sim.Fault{Status: 429, Headers: map[string]string{"retry-after": "20", "retry-after-ms": "20000"}}},
		{name: "openai-chat/image-input.json", vendor: "openai"},
		{name: "openai-chat/multiturn.json", vendor: "openai"},
		{name: "openai-chat/parallel-tools.json", vendor: "openai"},
		{name: "openai-chat/parse-json-schema.json", vendor: "openai"},
		{name: "openai-chat/refusal-structured.json", vendor: "openai", differ: []string{
			"+ .choices[].message.annotations array", "+ .service_tier string", "+ .usage.completion_tokens_details.accepted_prediction_tokens number",
			"+ .usage.completion_tokens_details.audio_tokens number", "+ .usage.completion_tokens_details.rejected_prediction_tokens number",
			"+ .usage.prompt_tokens_details.audio_tokens number",
		}},
		{name: "openai-chat/service-tier.json", vendor: "openai"},
		{name: "openai-chat/web-search.json", vendor: "openai", differ: []string{"+ .service_tier string"}},
		{name: "openai-chat/compat-tool-calls-without-id.json", vendor: "compatible", path: "/v1/chat/completions", fault: &sim.Fault{EmptyToolIDs: true}, differ: []string{
			"+ .choices[].logprobs null", "+ .choices[].message.content null", "+ .system_fingerprint string",
			"+ .usage.completion_tokens_details object", "+ .usage.prompt_tokens_details object",
			"- .choices[].message.extra_content object", "- .choices[].message.thought_signature string",
		}},
		{name: "openai-chat/compat-deepseek-reasoning-content-stream.sse", vendor: "compatible"},
		{name: "openai-chat/stream-cache-read.sse", vendor: "openai", edit: map[string]string{"my database schema?": "my database schema? [sim:words=300]"}, ignore: []string{".obfuscation"}},
		{name: "openai-chat/stream-detailed-usage.sse", vendor: "openai"},
		{name: "openai-chat/stream-error-mid.sse", vendor: "openai", path: "/v1/chat/completions", body: ask("gpt-4o", "hello", `"stream":true`), fault: &sim.Fault{ErrorAfterChunks: new(1)}, ignore: append([]string{".system_fingerprint", ".choices[].delta.refusal", ".choices[].logprobs"}, tierAndPadding...)},
		{name: "openai-chat/stream-json-schema.sse", vendor: "openai", path: "/v1/chat/completions", body: ask("gpt-4o-2024-08-06", "What's the weather like in SF?", asStream, weatherSchema), ignore: of2024},
		{name: "openai-chat/stream-length.sse", vendor: "openai", path: "/v1/chat/completions", body: ask("gpt-4o-2024-08-06", "What's the weather like in SF?", asStream, weatherSchema, `"max_tokens":1`), ignore: of2024},
		{name: "openai-chat/stream-n2.sse", vendor: "openai", ignore: tierAndPadding},
		{name: "openai-chat/stream-parallel-tools.sse", vendor: "openai", path: "/v1/chat/completions", body: ask("gpt-4o-2024-08-06", "What's the weather like in Edinburgh and the stock price of AAPL?", asStream, twoTools), ignore: of2024},
		{name: "openai-chat/stream-parallel-tools-2.sse", vendor: "openai", ignore: append([]string{".usage null"}, tierAndPadding...)},
		{name: "openai-chat/stream-refusal-logprobs.sse", vendor: "openai", path: "/v1/chat/completions", body: ask("gpt-4o-2024-08-06", "how do I make a bomb?", asStream, weatherSchema, `"logprobs":true`), ignore: of2024},
		{name: "openai-chat/stream-text.sse", vendor: "openai", path: "/v1/chat/completions", body: ask("gpt-4o-2024-08-06", "What's the weather like in SF?", asStream), ignore: of2024},
		{name: "openai-chat/stream-tool-single.sse", vendor: "openai", path: "/v1/chat/completions", body: ask("gpt-4o-2024-08-06", "What's the weather like in New York City?", asStream, oneTool), ignore: of2024},
		{name: "openai-chat/stream-tool-strict.sse", vendor: "openai", path: "/v1/chat/completions", body: ask("gpt-4o-2024-08-06", "What's the weather like in San Francisco, CA?", asStream, oneTool), ignore: of2024},
		{name: "openai-chat/stream-web-search.sse", vendor: "openai"},
		{name: "openai-other/embeddings-base64.json", vendor: "openai"},
		{name: "openai-other/embeddings-dimensions.json", vendor: "openai"},
		{name: "openai-other/embeddings-error-unknown-model.json", vendor: "openai"},
		{name: "openai-other/model-retrieve.json", vendor: "openai", differ: []string{"- .parent null", "- .permission array", "- .root string"}}, // of 2023; today's document has none of them,
		{name: "azure-openai/chat-basic.json", vendor: "azure", path: "/openai/deployments/gpt-5-nano/chat/completions?api-version=2024-10-21"},
		{name: "azure-openai/completion-content-filter.json", vendor: "azure", edit: map[string]string{"Tell me": "[sim:filter] Tell me"}, differ: []string{
			"+ .prompt_filter_results[].content_filter_results.jailbreak object", "+ .system_fingerprint string", "+ .usage.completion_tokens_details object", "+ .usage.prompt_tokens_details object", "- .system_fingerprint null"}},
		{name: "azure-openai/embeddings.json", vendor: "azure", path: "/openai/deployments/ada-testing/embeddings?api-version=2023-07-01-preview"},
		{name: "azure-openai/error-400-content-filter.json", vendor: "azure", status: 400, edit: map[string]string{"Tell me": "[sim:filter-prompt] Tell me"}},
		{name: "azure-openai/error-401-foundry.json", vendor: "azure", path: "/openai/v1/chat/completions", key: "wrong"},
		{name: "azure-openai/error-404-deployment.json", vendor: "azure", path: "/openai/deployments/absent/chat/completions?api-version=2024-02-01"},
		{name: "azure-openai/error-429-ratelimit.json", vendor: "azure", path: "/openai/v1/chat/completions", fault: &sim.Fault{Status: 429, Headers: map[string]string{"retry-after": "1", "retry-after-ms": "0"}}},
		{name: "azure-openai/stream-2.sse", vendor: "azure", ignore: []string{".system_fingerprint", ".prompt_filter_results[].content_filter_results.jailbreak"}},
		{name: "azure-openai/stream-prompt-filter.sse", vendor: "azure", fault: &sim.Fault{NoFirstDelta: true}},
	}
}

const (
	asStream      = `"stream":true,"stream_options":{"include_usage":true}`
	weatherSchema = `"response_format":{"type":"json_schema","json_schema":{"name":"Location","strict":true,"schema":{"type":"object","properties":{"city":{"type":"string"},"temperature":{"type":"number"},"units":{"enum":["c","f"],"type":"string"}},"required":["city","temperature","units"],"additionalProperties":false}}}`
	oneTool       = `"tools":[{"type":"function","function":{"name":"get_weather","strict":true,"parameters":{"type":"object","properties":{"city":{"type":"string"}},"required":["city"],"additionalProperties":false}}}]`
	twoTools      = `"tools":[{"type":"function","function":{"name":"GetWeatherArgs","parameters":{"type":"object","properties":{"city":{"type":"string"},"units":{"type":"string","enum":["c","f"]}},"required":["city","units"]}}},{"type":"function","function":{"name":"get_stock_price","parameters":{"type":"object","properties":{"ticker":{"type":"string"},"exchange":{"type":"string"}},"required":["ticker","exchange"]}}}]`
)
