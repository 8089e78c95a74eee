package sim

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// chatRequest is a chat completion request understood and found good.
type chatRequest struct {
	model    Model
	messages []message
	tools    []tool
	choice   toolChoice
	parallel bool
	legacy   bool // asked with the old "functions", so answered with "function_call"
	format   responseFormat
	audio    *audioFormat

	stream       bool
	includeUsage bool
	obfuscate    bool

	n           int
	maxTokens   int // 0: no limit
	stop        []string
	seed        string
	logprobs    bool
	topLogprobs int
	effort      string
	verbosity   string
	tier        string
	filter      string // what a fault has the vendor's content filter stop: prompt or answer
}

type message struct {
	role   string
	text   string // its text parts, joined by newlines
	media  []media
	calls  []string // ids of an assistant's tool calls
	names  []string // their names
	callID string   // of the call that a tool message answers
}

// media is a part that is not text.
type media struct {
	what   string // image, audio clip, file
	format string
	bytes  int // decoded; 0 if it is only referred to
	detail string
}

type tool struct {
	name       string
	custom     bool
	parameters object // nil: takes nothing
	grammar    string // of a custom tool: "", "lark" or "regex"
	definition string
}

type toolChoice struct {
	mode  string   // none, auto, required
	names []string // empty: any tool
}

type responseFormat struct {
	kind   string // text, json_object, json_schema
	schema object
}

type audioFormat struct{ voice, format string }

// knownChatFields are the top-level fields that OpenAI's and Azure's chat completions know.
func knownChatFields() []string {
	return []string{
		"audio", "data_sources", "frequency_penalty", "function_call", "functions", "logit_bias", "logprobs",
		"max_completion_tokens", "max_tokens", "messages", "metadata", "modalities", "model", "moderation", "n",
		"parallel_tool_calls", "prediction", "presence_penalty", "prompt_cache_key", "prompt_cache_options",
		"prompt_cache_retention", "reasoning_effort", "response_format", "safety_identifier", "seed", "service_tier",
		"stop", "store", "stream", "stream_options", "temperature", "tool_choice", "tools", "top_logprobs", "top_p",
		"user", "user_security_context", "verbosity", "web_search_options",
	}
}

// readChat checks a body as the vendor would, for a model that it has.
func (v *vendor) readChat(body object, m Model) (*chatRequest, *apiError) {
	f := fieldsOf(body, "")
	if !v.acceptsUnknown() {
		v.refuseUnknown(f, knownChatFields())
	}
	req := &chatRequest{model: m, n: 1, parallel: true, obfuscate: true}
	v.readLimits(f, req)
	readSampling(f, req)
	req.messages = v.readMessages(f)
	readTools(f, req)
	readFormat(f, req)
	readModalities(f, req)
	if e := f.failed(); e != nil {
		return nil, e
	}
	checkToolHistory(f, req.messages)
	checkJSONWord(f, req)
	return req, f.failed()
}

func (v *vendor) refuseUnknown(f fields, known []string) {
	for _, m := range f.object {
		if m.name == "data_sources" && v.Kind != Azure || !slices.Contains(known, m.name) {
			f.fail(&apiError{http.StatusBadRequest, "invalid_request_error", "unknown_parameter", m.name,
				fmt.Sprintf("Unknown parameter: '%s'.", m.name)})
			return
		}
	}
}

func (v *vendor) readLimits(f fields, req *chatRequest) {
	if _, given := f.value("max_tokens"); given && req.model.Reasons && v.Kind != Compatible {
		f.invalid("max_tokens", "unsupported_parameter",
			"Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.")
	}
	const most = 1 << 30
	if n, ok := f.integer("max_tokens", 1, most); ok {
		req.maxTokens = n
	}
	if n, ok := f.integer("max_completion_tokens", 1, most); ok {
		req.maxTokens = n
	}
	if n, ok := f.integer("n", 1, 128); ok {
		req.n = n
	}
	req.stream = f.flag("stream")
	if o, ok := f.child("stream_options"); ok {
		if !req.stream {
			f.invalid("stream_options", "", "The 'stream_options' parameter is only allowed when 'stream' is enabled.")
		}
		req.includeUsage = o.flag("include_usage")
		if b, given := optional[bool](o, "include_obfuscation", "a boolean"); given {
			req.obfuscate = b
		}
	}
	v.readStop(f, req)
}

func (v *vendor) readStop(f fields, req *chatRequest) {
	stop, ok := f.value("stop")
	if !ok {
		return
	}
	switch stop := stop.(type) {
	case string:
		req.stop = []string{stop}
	case []any:
		if len(stop) > 4 {
			f.invalid("stop", "array_above_max_length",
				fmt.Sprintf("Invalid 'stop': array too long. Expected an array with maximum length 4, but got an array with length %d instead.", len(stop)))
		}
		for i, s := range stop {
			text, isText := s.(string)
			if !isText {
				f.fail(wrongType(fmt.Sprintf("stop[%d]", i), "a string", s))
				return
			}
			req.stop = append(req.stop, text)
		}
	default:
		f.wrongType("stop", "a string or an array of strings", stop)
	}
}

func readSampling(f fields, req *chatRequest) {
	f.number("temperature", 0, 2)
	f.number("top_p", 0, 1)
	f.number("frequency_penalty", -2, 2)
	f.number("presence_penalty", -2, 2)
	if seed, ok := optional[float64](f, "seed", "an integer"); ok {
		req.seed = plain(seed)
	}
	req.logprobs = f.flag("logprobs")
	if n, ok := f.integer("top_logprobs", 0, 20); ok {
		req.topLogprobs = n
		if !req.logprobs {
			f.invalid("top_logprobs", "", "Invalid value for 'top_logprobs': only allowed when 'logprobs' is true.")
		}
	}
	req.effort = f.oneOf("reasoning_effort", "none", "minimal", "low", "medium", "high", "xhigh", "max")
	req.verbosity = f.oneOf("verbosity", "low", "medium", "high")
	req.tier = f.oneOf("service_tier", "auto", "default", "flex", "scale", "priority", "fast")
}

func (v *vendor) readMessages(f fields) []message {
	list, ok := f.value("messages")
	if !ok {
		f.missing("messages")
		return nil
	}
	if l, isList := list.([]any); isList && len(l) == 0 {
		f.invalid("messages", "empty_array",
			"Invalid 'messages': empty array. Expected an array with minimum length 1, but got an empty array instead.")
		return nil
	}
	var out []message
	for _, m := range f.objects("messages") {
		out = append(out, readMessage(m))
	}
	return out
}

func readMessage(f fields) message {
	m := message{}
	if _, ok := f.value("role"); !ok {
		f.missing("role")
		return m
	}
	m.role = f.oneOf("role", "system", "assistant", "user", "function", "tool", "developer")
	f.str("name")
	for _, c := range f.objects("tool_calls") {
		m.calls = append(m.calls, c.requiredStr("id"))
		inner, ok := c.child(c.oneOf("type", "function", "custom"))
		if !ok {
			inner, ok = c.child("function")
		}
		if ok {
			m.names = append(m.names, inner.requiredStr("name"))
		}
	}
	if m.role == "tool" {
		m.callID = f.requiredStr("tool_call_id")
	}
	content, ok := f.get("content")
	switch content := content.(type) {
	case string:
		m.text = content
	case []any:
		readParts(f, &m)
	case nil:
		_, callsOld := f.value("function_call")
		_, refused := f.value("refusal")
		_, spoke := f.value("audio")
		if m.role != "assistant" || (m.calls == nil && !callsOld && !refused && !spoke) {
			if ok {
				f.wrongType("content", "a string or an array of objects", nil)
			} else {
				f.missing("content")
			}
		}
	default:
		f.wrongType("content", "a string or an array of objects", content)
	}
	return m
}

func readParts(f fields, m *message) {
	var texts []string
	for _, p := range f.objects("content") {
		switch p.oneOf("type", "text", "image_url", "input_audio", "file", "refusal") {
		case "text":
			texts = append(texts, p.requiredStr("text"))
		case "refusal":
			texts = append(texts, p.requiredStr("refusal"))
		case "image_url":
			m.media = append(m.media, readImage(p))
		case "input_audio":
			m.media = append(m.media, readAudio(p))
		case "file":
			m.media = append(m.media, readFile(p))
		default:
			p.missing("type") // an unknown type has failed before, and the first failure stays
		}
	}
	m.text = strings.Join(texts, "\n")
}

func readImage(p fields) media {
	out := media{what: "image", format: "by reference"}
	inner, ok := p.child("image_url")
	if !ok {
		p.missing("image_url")
		return out
	}
	out.detail = inner.oneOf("detail", "auto", "low", "high", "original")
	url := inner.requiredStr("url")
	if strings.HasPrefix(url, "data:") {
		out.format, out.bytes = readDataURL(inner, "url", url)
	} else if !strings.HasPrefix(url, "http://") && !strings.HasPrefix(url, "https://") {
		inner.invalid("url", "invalid_value", fmt.Sprintf("Invalid '%s': expected an http, https or data URL.", inner.at("url")))
	}
	return out
}

func readDataURL(f fields, name, url string) (format string, size int) {
	head, data, ok := strings.Cut(strings.TrimPrefix(url, "data:"), ",")
	kind, isBase64 := strings.CutSuffix(head, ";base64")
	if !ok || !isBase64 {
		f.invalid(name, "invalid_base64", fmt.Sprintf("Invalid '%s': expected a base64-encoded data URL.", f.at(name)))
		return kind, 0
	}
	return kind, readBase64(f, name, data)
}

func readBase64(f fields, name, data string) int {
	raw, err := base64.StdEncoding.DecodeString(data)
	if err != nil {
		f.invalid(name, "invalid_base64", fmt.Sprintf("Invalid base64 in '%s'.", f.at(name)))
	}
	return len(raw)
}

func readAudio(p fields) media {
	out := media{what: "audio clip"}
	inner, ok := p.child("input_audio")
	if !ok {
		p.missing("input_audio")
		return out
	}
	out.format = inner.oneOf("format", "wav", "mp3")
	out.bytes = readBase64(inner, "data", inner.requiredStr("data"))
	return out
}

func readFile(p fields) media {
	out := media{what: "file"}
	inner, ok := p.child("file")
	if !ok {
		p.missing("file")
		return out
	}
	out.format = inner.str("filename")
	if data := inner.str("file_data"); strings.HasPrefix(data, "data:") {
		_, out.bytes = readDataURL(inner, "file_data", data)
	} else if data != "" {
		out.bytes = readBase64(inner, "file_data", data)
	} else if inner.str("file_id") == "" {
		inner.missing("file_id")
	}
	return out
}

// checkToolHistory holds tool messages against the calls they answer.
func checkToolHistory(f fields, messages []message) {
	open := []string{}
	for i, m := range messages {
		if m.role == "tool" {
			at := slices.Index(open, m.callID)
			if at < 0 {
				f.invalid(fmt.Sprintf("messages.[%d].role", i), "", "Invalid parameter: messages with role 'tool' must be a response to a preceding message with 'tool_calls'.")
				return
			}
			open = slices.Delete(open, at, at+1)
			continue
		}
		if len(open) > 0 {
			break
		}
		open = slices.Clone(m.calls)
	}
	if len(open) > 0 {
		f.invalid("messages", "", "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. "+
			"The following tool_call_ids did not have response messages: "+strings.Join(open, ", "))
	}
}

var jsonWord = regexp.MustCompile(`(?i)json`)

func checkJSONWord(f fields, req *chatRequest) {
	if req.format.kind != "json_object" {
		return
	}
	if !slices.ContainsFunc(req.messages, func(m message) bool { return jsonWord.MatchString(m.text) }) {
		f.invalid("messages", "", "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'.")
	}
}
