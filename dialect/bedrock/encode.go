package bedrock

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"bulkhead/chat"

	dialects "bulkhead/dialect"
)

// encoder writes a request. Of what cannot be said it keeps the first refusal
// and writes on.
type encoder struct {
	writer
	r      *chat.Request
	to     *dialects.Upstream
	l      *chat.Losses
	maker  string     // of the model
	own    chat.Extra // fields of Bedrock's own, by the names the decoder gave them
	err    error
	names  map[string]bool // of documents: each is there once
	at     string          // path of the part that is written
	called []string        // names of tools that the conversation calls, once each
	worked bool            // the conversation has calls or results
}

func newEncoder(r *chat.Request, to *dialects.Upstream, l *chat.Losses) *encoder {
	e := &encoder{r: r, to: to, l: l, maker: maker(to.Model)}
	e.b = make([]byte, 0, 1024)
	e.own = l.Own("", r.Extra)
	for i := range r.Messages {
		for _, p := range r.Messages[i].Parts {
			switch x := p.Content.(type) {
			case chat.ToolCall:
				e.worked = true
				if !slices.Contains(e.called, x.Name) {
					e.called = append(e.called, x.Name)
				}
			case chat.ToolResult:
				e.worked = true
			}
		}
	}
	return e
}

// refuse keeps the first refusal; a loss that the workload allows is none.
func (e *encoder) refuse(path, why string) {
	if err := e.l.Refuse(path, why); err != nil && e.err == nil {
		e.err = err
	}
}

// drop names a field that a caller can do without, if it is stated.
func (e *encoder) drop(path string, stated bool) {
	if stated {
		e.l.Drop(path)
	}
}

// nested gives the fields of Bedrock's own under a name.
func (e *encoder) nested(under string) chat.Extra {
	var out chat.Extra
	for _, f := range e.own {
		if rest, is := strings.CutPrefix(f.Name, under+"."); is {
			out = append(out, chat.Field{Dialect: name, Name: rest, Value: f.Value})
		}
	}
	return out
}

// conversation writes messages and system.
func (e *encoder) conversation() {
	lead, messages := e.r.Lead()
	messages = chat.Turns(e.roles(messages))
	e.open("messages", '[')
	for i := range messages {
		e.message(&messages[i], i)
	}
	e.close(']')
	if len(lead) == 0 {
		return
	}
	e.open("system", '[')
	for i := range lead {
		e.at = "instructions[]"
		e.system(&lead[i])
	}
	e.close(']')
}

// roles gives messages the roles that the model takes. Instructions within the
// conversation are the user's where it takes none there.
func (e *encoder) roles(messages []chat.Message) []chat.Message {
	out := slices.Clone(messages)
	for i := range out {
		m := &out[i]
		switch {
		case m.Role != chat.System && m.Role != chat.Developer:
		case e.to.MidSystem:
			m.Role = chat.System
		default:
			e.l.Approximate("messages[].role")
			m.Role = chat.User
		}
	}
	return out
}

func (e *encoder) message(m *chat.Message, n int) {
	if m.Name != "" {
		e.l.Drop("messages[].name")
	}
	start := len(e.b)
	e.open("", '{')
	e.str("role", string(m.Role))
	e.open("content", '[')
	empty := len(e.b)
	documents, said := false, false
	for k := range m.Parts {
		p := &m.Parts[k]
		e.at = fmt.Sprintf("messages[%d].parts[%d]", n, k)
		before := len(e.b)
		e.part(p)
		if len(e.b) > before {
			e.cachePoint(p.Cache)
		} else if p.Cache != nil {
			e.l.Drop(e.at + ".cache")
		}
		switch x := p.Content.(type) {
		case chat.Media:
			documents = documents || x.Medium == chat.Document
		case chat.Text:
			said = said || x.Text != ""
		}
	}
	if documents && !said {
		e.refuse(fmt.Sprintf("messages[%d].parts", n), "needs a text beside a document")
	}
	if len(e.b) == empty { // nothing of it can be said, and an empty message is refused
		e.b = e.b[:start]
		return
	}
	e.close(']')
	e.extra(e.l.Own("messages[]", m.Extra))
	e.close('}')
}

// system writes a part of the instructions, which are text.
func (e *encoder) system(p *chat.Part) {
	switch x := p.Content.(type) {
	case chat.Text:
		if x.Text != "" {
			e.say(x.Text)
			e.cachePoint(p.Cache)
		}
	case chat.Native:
		e.native(&x)
		e.cachePoint(p.Cache)
	default:
		e.refuse(e.at, "takes text alone as instructions")
	}
}

func (e *encoder) native(x *chat.Native) {
	if x.Dialect != name {
		e.refuse(e.at+".native", "has no such block")
		return
	}
	e.block(x.Type, x.Value)
}

// aside writes what stands beside the conversation and has one place.
func (e *encoder) aside() {
	for _, f := range e.own {
		if !strings.Contains(f.Name, ".") && f.Name != "additionalModelRequestFields" {
			e.raw(f.Name, f.Value)
		}
	}
	e.metadata()
	switch tier := e.r.Tier; {
	case tiers[tier]:
		e.open("serviceTier", '{')
		e.str("type", tier)
		e.close('}')
	case tier != "" && tier != "auto": // auto leaves it to the account, as nothing does
		e.l.Drop("service_tier")
	}
	r := e.r
	e.drop("verbosity", r.Verbosity != "")
	e.drop("user", r.User != "")
	e.drop("safety_id", r.SafetyID != "")
	e.drop("caching.key", r.Cache.Key != "")
	e.drop("caching.retention", r.Cache.Retention != "")
	e.drop("caching.auto", r.Cache.Auto != nil)
	e.drop("store", r.Store != nil && *r.Store)
	if r.Cache.Resource != "" {
		e.refuse("caching.resource", "keeps no cached prompts that can be named")
	}
	for _, mode := range r.Modes {
		if !strings.EqualFold(mode, "text") {
			e.refuse("modalities", "answers in text alone")
		}
	}
}

// Keys and values of requestMetadata, as the service's description has them.
var (
	metadataKey   = regexp.MustCompile(`^[a-zA-Z0-9\s:_@$#=/+,\-.]{1,256}$`)
	metadataValue = regexp.MustCompile(`^[a-zA-Z0-9\s:_@$#=/+,\-.]{0,256}$`)
)

const maxMetadata = 16

func (e *encoder) metadata() {
	if len(e.r.Metadata) == 0 {
		return
	}
	keys := make([]string, 0, len(e.r.Metadata))
	for k, v := range e.r.Metadata {
		if !metadataKey.MatchString(k) || !metadataValue.MatchString(v) {
			e.l.Drop("metadata")
			continue
		}
		keys = append(keys, k)
	}
	slices.Sort(keys)
	if len(keys) > maxMetadata {
		e.l.Drop("metadata")
		keys = keys[:maxMetadata]
	}
	if len(keys) == 0 {
		return
	}
	e.open("requestMetadata", '{')
	for _, k := range keys {
		e.str(k, e.r.Metadata[k])
	}
	e.close('}')
}

func (e *encoder) limits() {
	s := &e.r.Sampling
	e.drop("sampling.frequency_penalty", s.FrequencyPenalty != "")
	e.drop("sampling.presence_penalty", s.PresencePenalty != "")
	e.drop("sampling.seed", s.Seed != "")
	e.drop("sampling.logit_bias", len(s.LogitBias) > 0)
	if n, whole := s.N.Int(); s.N != "" && (!whole || n != 1) {
		e.refuse("sampling.n", "gives one answer")
	}
	if s.Logprobs != nil && *s.Logprobs {
		e.refuse("sampling.logprobs", "gives no log probabilities")
	} else if s.TopLogprobs != "" && s.TopLogprobs != "0" {
		e.refuse("sampling.top_logprobs", "gives no log probabilities")
	}
	own := e.nested("inferenceConfig")
	if s.MaxTokens == "" && s.Temperature == "" && s.TopP == "" && len(s.Stop) == 0 && len(own) == 0 {
		return
	}
	e.open("inferenceConfig", '{')
	if n, whole := s.MaxTokens.Int(); whole {
		e.raw("maxTokens", []byte(chat.NumberOf(n)))
	}
	if s.Temperature != "" {
		t := s.Temperature
		if f, ok := t.Float(); ok && f > 1 {
			e.l.Clamp("sampling.temperature")
			t = "1"
		}
		e.raw("temperature", []byte(t))
	}
	if s.TopP != "" {
		e.raw("topP", []byte(s.TopP))
	}
	if stop := slices.DeleteFunc(slices.Clone(s.Stop), func(w string) bool { return w == "" }); len(stop) > 0 {
		e.open("stopSequences", '[')
		for _, w := range stop {
			e.comma()
			e.b = quote(e.b, w)
		}
		e.close(']')
	}
	e.extra(own)
	e.close('}')
}

// output writes the form of the answer, and effort where the model takes it here.
func (e *encoder) output() {
	effort := e.effort()
	f := e.r.Format
	own := e.nested("outputConfig")
	schema := f != nil && f.Kind == chat.FormatSchema
	if f != nil && f.Kind == chat.FormatObject {
		e.refuse("format.kind", "gives JSON by a schema alone")
	}
	if !schema && effort == "" && len(own) == 0 {
		return
	}
	e.open("outputConfig", '{')
	if schema {
		e.textFormat(f)
	}
	if effort != "" {
		e.str("effort", effort)
	}
	e.extra(own)
	e.close('}')
}

func (e *encoder) textFormat(f *chat.Format) {
	s := f.Schema
	if len(bytes.TrimSpace(s)) == 0 {
		s = chat.Raw(`{"type":"object"}`)
	}
	e.open("textFormat", '{')
	e.str("type", "json_schema")
	e.open("structure", '{')
	e.open("jsonSchema", '{')
	e.str("schema", string(s))
	if f.Name != "" {
		e.str("name", f.Name)
	}
	if f.Description != "" {
		e.str("description", f.Description)
	}
	e.extra(e.l.Own("format", f.Extra))
	e.close('}')
	e.close('}')
	e.close('}')
}
