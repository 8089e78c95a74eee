package sim

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
)

// geminiRequest is a request understood: that of the other wires, and what only this one has.
type geminiRequest struct {
	chatRequest
	thoughts bool // shown in the answer
	kept     bool // signatures are demanded back
}

// readGemini checks a body as Google would, for a model that it has.
func (x *exchange) readGemini(body object, m Model, message string) (*geminiRequest, *apiError) {
	o, e := x.route.gemini.known(body, message, "")
	if e != nil {
		return nil, e
	}
	if inner := o.object("generateContentRequest"); inner != nil {
		o = inner
	}
	if said := o.text("model"); said != "" && said[strings.LastIndexByte(said, '/')+1:] != m.ID {
		return nil, &apiError{status: 400, message: "The model of the body is not that of the path."}
	}
	f := fieldsOf(o, "")
	r := &geminiRequest{chatRequest: chatRequest{model: m, n: 1, parallel: true}, kept: strings.HasPrefix(m.ID, "gemini-3")}
	r.stream = x.route.gemini.method == "streamGenerateContent"
	if s, ok := f.child("systemInstruction"); ok {
		r.messages = append(r.messages, plainMessage("system", s))
	}
	r.contents(f)
	r.functions(f)
	r.config(f)
	return r, f.failed()
}

// plainMessage is a message whose parts are text and media.
func plainMessage(role string, content fields) message {
	m := message{role: role}
	for _, p := range content.objects("parts") {
		m.part(p)
	}
	return m
}

func (m *message) part(p fields) {
	switch {
	case p.object.object("inlineData") != nil:
		d, _ := p.child("inlineData")
		raw := strings.NewReplacer("-", "+", "_", "/").Replace(d.requiredStr("data"))
		what, _, _ := strings.Cut(d.requiredStr("mimeType"), "/")
		kind := map[string]string{"image": "image", "audio": "audio clip"}[what]
		if kind == "" {
			kind = "file"
		}
		b, err := base64.StdEncoding.DecodeString(raw)
		if err != nil {
			d.fail(wrongGemini(d.at("data")))
		}
		m.media = append(m.media, media{what: kind, format: d.text("mimeType"), bytes: len(b)})
	case p.object.object("fileData") != nil:
		d, _ := p.child("fileData")
		d.requiredStr("fileUri")
		m.media = append(m.media, media{what: "file", format: d.str("mimeType")})
	default:
		m.text = strings.TrimPrefix(m.text+"\n"+p.str("text"), "\n")
	}
}

// contents reads the conversation: results must answer the calls right before them, one for one, and a model that
// signs its calls wants the signatures back.
func (r *geminiRequest) contents(f fields) {
	list := f.objects("contents")
	if len(list) == 0 {
		f.fail(&apiError{status: 400, message: "* GenerateContentRequest.contents: contents is not specified"})
	}
	open := 0 // calls that wait for results
	for i, c := range list {
		role := c.str("role")
		if !slices.Contains([]string{"user", "model", "function", ""}, role) {
			f.fail(&apiError{status: 400, message: "Please use a valid role: user, model."})
		}
		parts := c.objects("parts")
		if len(parts) == 0 {
			f.fail(&apiError{status: 400, message: fmt.Sprintf("* GenerateContentRequest.contents[%d].parts: contents.parts must not be empty.", i)})
		}
		m := message{role: map[string]string{"model": "assistant"}[role]}
		if m.role == "" {
			m.role = "user"
		}
		results := 0
		for _, p := range parts {
			if call, ok := p.child("functionCall"); ok {
				r.signed(call.requiredStr("name"), p.str("thoughtSignature"), len(m.names) == 0, p)
				m.names = append(m.names, call.str("name"))
				continue
			}
			if result, ok := p.child("functionResponse"); ok {
				results++
				result.requiredStr("name")
				given, has := result.child("response")
				if !has {
					result.missing("response")
				}
				r.messages = append(r.messages, message{role: "tool", text: string(encode(given.object))})
				continue
			}
			m.part(p)
		}
		if results != open {
			f.fail(&apiError{status: 400, message: "Please ensure that the number of function response parts is equal to the number of function call parts of the function call turn."})
		}
		if open = len(m.names); m.text != "" || m.media != nil || m.names != nil {
			r.messages = append(r.messages, m)
		}
	}
}

// anySignature is what Google takes for the signature of a call that it did not make.
const anySignature = "skip_thought_signature_validator"

// signed checks a call's signature, which the first call of a turn must have.
func (r *geminiRequest) signed(name, signature string, first bool, p fields) {
	switch {
	case !r.kept:
	case signature == "" && first:
		p.fail(&apiError{status: 400, message: fmt.Sprintf("Function call is missing a thought_signature in functionCall parts. Additional data, function call `%s`.", name)})
	case signature != "" && signature != anySignature && signature != signatureOf(r.model, name):
		p.fail(&apiError{status: 400, message: "Thought signature is not valid."})
	}
}

// signatureOf is what a model signs a call with: base64, as long as it likes.
func signatureOf(m Model, name string) string {
	return base64.StdEncoding.EncodeToString([]byte("\x12\x2a" + diceFor("signature", m.Version, name).hex(60)))
}

func (r *geminiRequest) functions(f fields) {
	for _, t := range f.objects("tools") {
		for _, d := range t.objects("functionDeclarations") {
			one := tool{name: d.requiredStr("name"), definition: string(encode(d.object))}
			d.str("description")
			if schema, ok := d.child("parametersJsonSchema"); ok {
				one.parameters = schema.object
			}
			if schema, ok := d.child("parameters"); ok {
				if one.parameters != nil {
					d.fail(&apiError{status: 400, message: "parameters and parameters_json_schema cannot both be set."})
				}
				one.parameters, _ = lowered(schema.object).(object)
			}
			r.tools = append(r.tools, one)
		}
	}
	r.choice = toolChoice{mode: "auto"}
	c, _ := f.child("toolConfig")
	if c, ok := c.child("functionCallingConfig"); ok {
		switch c.oneOf("mode", "MODE_UNSPECIFIED", "AUTO", "ANY", "NONE", "VALIDATED") {
		case "ANY":
			r.choice.mode = "required"
		case "NONE":
			r.choice.mode = "none"
		}
		for _, n := range c.array("allowedFunctionNames") {
			name, _ := n.(string)
			if !slices.ContainsFunc(r.tools, func(t tool) bool { return t.name == name }) {
				c.fail(&apiError{status: 400, message: fmt.Sprintf("allowed_function_names: %q is no function that is declared.", name)})
			}
			r.choice.names = append(r.choice.names, name)
		}
	}
}

// lowered is a Schema message as JSON Schema: its types in lower case.
func lowered(v any) any {
	switch v := v.(type) {
	case object:
		out := object{}
		for _, m := range v {
			if kind, ok := m.value.(string); ok && m.name == "type" {
				m.value = strings.ToLower(kind)
			} else {
				m.value = lowered(m.value)
			}
			out = append(out, m)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = lowered(v[i])
		}
		return out
	}
	return v
}

func (r *geminiRequest) config(f fields) {
	r.format.kind = "text"
	c, ok := f.child("generationConfig")
	if !ok {
		return
	}
	if n, ok := c.integer("candidateCount", 1, 8); ok {
		r.n = n
	}
	if n, ok := c.integer("maxOutputTokens", 1, 1<<30); ok {
		r.maxTokens = n
	}
	c.number("temperature", 0, 2)
	c.number("topP", 0, 1)
	if seed, ok := optional[float64](c, "seed", "an integer"); ok {
		r.seed = plain(seed)
	}
	stops := c.array("stopSequences")
	if len(stops) > 5 {
		c.fail(&apiError{status: 400, message: "The number of stop_sequences must be at most 5."})
	}
	for _, s := range stops {
		word, _ := s.(string)
		r.stop = append(r.stop, word)
	}
	r.logprobs = c.flag("responseLogprobs")
	if n, ok := c.integer("logprobs", 1, 20); ok {
		r.topLogprobs = n
	}
	schema, has := c.child("responseJsonSchema")
	if own, ok := c.child("responseSchema"); ok {
		schema.object, _ = lowered(own.object).(object)
		has = true
	}
	switch c.str("responseMimeType") {
	case "application/json":
		if r.format.kind = "json_object"; has {
			r.format = responseFormat{"json_schema", schema.object}
		}
	default:
		if has {
			c.fail(&apiError{status: 400, message: "Function calling with a response mime type or a schema needs response_mime_type application/json."})
		}
	}
	if t, ok := c.child("thinkingConfig"); ok {
		r.thinking(t)
	}
}

func (r *geminiRequest) thinking(t fields) {
	r.thoughts = t.flag("includeThoughts")
	budget, given := t.integer("thinkingBudget", -1, 32768)
	level := t.oneOf("thinkingLevel", "THINKING_LEVEL_UNSPECIFIED", "MINIMAL", "LOW", "MEDIUM", "HIGH",
		"minimal", "low", "medium", "high") // small in the vendor's own examples
	switch {
	case given && level != "":
		t.fail(&apiError{status: 400, message: "You can only set only one of thinking budget and thinking level."})
	case given && budget == 0:
		r.effort = "none"
	case given && budget > 0 && budget <= 2048:
		r.effort = "low"
	case level != "":
		r.effort = strings.ToLower(level)
	}
}
