package openai

import (
	"bulkhead/chat"
	"bulkhead/wire"

	dialects "bulkhead/dialect"
)

// Server is the caller's side of the hub: requests in, replies out.
type Server struct{}

var (
	_ dialects.Server          = Server{}
	_ dialects.EmbeddingServer = Server{}
)

// Fields is the table of what becomes of each field.
func (Server) Fields() dialects.Fields { return table }

// Decode reads a chat completion.
func (Server) Decode(in *dialects.Inbound, s *wire.Scanner) (*chat.Request, error) {
	s.Reset(in.Body)
	d := decoder{s: s}
	r := &chat.Request{}
	if d.object("") {
		for name := s.Name(); name != nil; name = s.Name() {
			d.member(r, string(name))
		}
	}
	if err := d.end(); err != nil {
		return nil, err
	}
	if in.Model != "" {
		r.Model = in.Model
	}
	return r, nil
}

// Stream begins a streamed reply.
func (Server) Stream(a *dialects.Answering) dialects.StreamEncoder { return newStreamEncoder(a) }

// member reads a top-level field. It knows the field as it is left by the
// conversation's own readers: at no path.
func (d *decoder) member(r *chat.Request, field string) {
	p := &r.Sampling
	switch field {
	case "model":
		r.Model = d.str(field)
	case "messages":
		d.messages(r)
	case "tools":
		d.tools(r)
	case "tool_choice":
		d.choice(r)
	case "parallel_tool_calls":
		r.Parallel = d.flag(field)
	case "response_format":
		d.format(r)
	case "reasoning_effort":
		if effort := d.str(field); effort != "" {
			r.Thinking = &chat.Thinking{Effort: effort}
		}
	case "max_completion_tokens":
		if n := d.number(field); n != "" {
			p.MaxTokens = n
		}
	case "max_tokens":
		if n := d.number(field); p.MaxTokens == "" {
			p.MaxTokens = n
		}
	case "temperature":
		p.Temperature = d.number(field)
	case "top_p":
		p.TopP = d.number(field)
	case "frequency_penalty":
		p.FrequencyPenalty = d.number(field)
	case "presence_penalty":
		p.PresencePenalty = d.number(field)
	case "seed":
		p.Seed = d.number(field)
	case "n":
		p.N = d.number(field)
	case "logprobs":
		p.Logprobs = d.flag(field)
	case "top_logprobs":
		p.TopLogprobs = d.number(field)
	case "logit_bias":
		p.LogitBias = d.numbers(field)
	case "stop":
		p.Stop = d.stop(field)
	default:
		d.setting(r, field)
	}
}

// setting reads a top-level field that does not steer the model itself.
func (d *decoder) setting(r *chat.Request, field string) {
	switch field {
	case "stream":
		v := d.flag(field)
		r.Stream = v != nil && *v
	case "stream_options":
		if !d.object(field) {
			return
		}
		for name := d.s.Name(); name != nil; name = d.s.Name() {
			if string(name) == "include_usage" {
				v := d.flag("stream_options.include_usage")
				r.Usage = v != nil && *v
			} else {
				d.extra(&r.Extra, "stream_options."+string(name))
			}
		}
	case "verbosity":
		r.Verbosity = d.str(field)
	case "modalities":
		r.Modes = d.strs(field)
	case "user":
		r.User = d.str(field)
	case "safety_identifier":
		r.SafetyID = d.str(field)
	case "prompt_cache_key":
		r.Cache.Key = d.str(field)
	case "prompt_cache_retention":
		r.Cache.Retention = d.str(field)
	case "service_tier":
		r.Tier = d.str(field)
	case "store":
		r.Store = d.flag(field)
	case "metadata":
		if d.object(field) {
			for name := d.s.Name(); name != nil; name = d.s.Name() {
				if r.Metadata == nil {
					r.Metadata = map[string]string{}
				}
				key := string(name)
				r.Metadata[key] = d.str("metadata." + key)
			}
		}
	default:
		d.extra(&r.Extra, field)
	}
}

// stop reads one stop sequence or several.
func (d *decoder) stop(field string) []string {
	if d.s.Next() == wire.String {
		return []string{d.text()}
	}
	return d.strs(field)
}

// numbers reads an object of numbers.
func (d *decoder) numbers(field string) map[string]chat.Number {
	if !d.object(field) {
		return nil
	}
	out := map[string]chat.Number{}
	for name := d.s.Name(); name != nil; name = d.s.Name() {
		key := string(name)
		out[key] = d.number(field)
	}
	return out
}
