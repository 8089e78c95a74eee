package anthropic

import (
	"slices"
	"strings"

	"github.com/go-json-experiment/json"

	"bulkhead/call"
	"bulkhead/chat"
	"bulkhead/fault"
	"bulkhead/wire"

	dialects "bulkhead/dialect"
)

// Encode implements [dialects.Client].
func (Client) Encode(r *chat.Request, to *dialects.Upstream, l *chat.Losses) (*dialects.Outbound, error) {
	p := packer{r: r, to: to, l: l}
	p.w.open('{')
	if to.Surface != SurfaceInvoke && to.Surface != SurfaceVertex {
		p.w.textAt("model", to.Model)
	}
	p.w.textAt("anthropic_version", bodyVersion(to.Surface))
	p.limit()
	p.prompt()
	p.options()
	if r.Stream && to.Surface != SurfaceInvoke {
		p.w.name("stream")
		p.w.bool(true)
	}
	return p.out(call.Chat)
}

// EncodeCount implements [dialects.CountClient]: only what makes the prompt.
func (Client) EncodeCount(r *chat.Request, to *dialects.Upstream, l *chat.Losses) (*dialects.Outbound, error) {
	p := packer{r: r, to: to, l: l, count: true}
	p.w.open('{')
	if to.Surface != SurfaceInvoke {
		p.w.textAt("model", to.Model)
	} else {
		p.w.name("max_tokens") // a body of InvokeModel must state one
		p.w.int(1)
	}
	p.w.textAt("anthropic_version", bodyVersion(to.Surface))
	p.prompt()
	out, err := p.out(call.CountTokens)
	if err == nil && to.Surface == SurfaceInvoke {
		out.Body = wrapCount(out.Body)
	}
	return out, err
}

// CountReply implements [dialects.CountClient].
func (Client) CountReply(body []byte, s *wire.Scanner) (*chat.Usage, error) {
	s.Reset(body)
	s.Lenient = true
	u, known := &chat.Usage{}, false
	if s.Object() {
		for n := s.Name(); n != nil; n = s.Name() {
			switch string(n) {
			case "input_tokens", "inputTokens": // the second is Bedrock's
				known = tokens(s, &u.Input)
			default:
				keep(s, &u.Extra, string(n))
			}
		}
	}
	if err := s.End(); err != nil || !known {
		return nil, fault.New(fault.UpstreamError, "The vendor answered with something that is no count.").Because(err)
	}
	return u, nil
}

// packer writes one request.
type packer struct {
	r     *chat.Request
	to    *dialects.Upstream
	l     *chat.Losses
	w     writer
	err   error // of the first refusal
	count bool  // only the prompt counts

	betas   []string
	profile string
}

// out is the request with its path and headers.
func (p *packer) out(action call.Action) (*dialects.Outbound, error) {
	if p.err != nil {
		return nil, p.err
	}
	if p.to.Surface == SurfaceInvoke && len(p.betas) > 0 {
		p.w.name("anthropic_beta")
		p.w.raw(listOf(p.betas))
	}
	p.w.close('}')
	return &dialects.Outbound{Method: "POST", Path: path(p.to, action, p.r.Stream), Header: header(p.to, version, p.betas, p.profile), Body: p.w.b}, nil
}

// refuse notes a refusal, unless the workload allows the loss.
func (p *packer) refuse(path, why string) {
	if err := p.l.Refuse(path, why); err != nil && p.err == nil {
		p.err = err
	}
}

// prompt writes what the model reads, with what shapes the reading of it.
func (p *packer) prompt() {
	lead, messages := p.r.Lead()
	p.system(lead)
	p.messages(messages)
	p.tools()
	thinking := p.reason()
	p.choice()
	p.thinking(thinking)
	p.format(thinking)
	if m := p.r.Cache.Auto; m != nil {
		p.w.mark(m, p.r.Extra)
	}
	p.extra()
}

// extra writes the fields that only this dialect knows. Where the vendor may
// run the model is the estate's to say, so inference_geo does not pass.
func (p *packer) extra() {
	for _, f := range p.l.Own("", p.r.Extra) {
		switch {
		case f.Name == "anthropic-beta":
			_ = json.Unmarshal(f.Value, &p.betas) // written by Decode
		case f.Name == "anthropic-user-profile-id":
			_ = json.Unmarshal(f.Value, &p.profile)
		case f.Name == "inference_geo":
			p.l.Drop("inference_geo")
		case !strings.ContainsRune(f.Name, '.'):
			p.w.foreign(f.Name)
			p.w.raw(f.Value)
		}
	}
}

// limit writes max_tokens, which this dialect must state.
func (p *packer) limit() {
	n := p.r.Sampling.MaxTokens
	if n == "" {
		limit := p.to.MaxTokens
		if limit <= 0 {
			limit = defaultMaxTokens
		}
		n = chat.NumberOf(limit)
		p.l.Approximate("sampling.max_tokens")
	}
	p.w.numberAt("max_tokens", n)
}

// defaultMaxTokens is asked for where neither the caller nor the offering
// states a limit: what every Claude since version 3 can give.
const defaultMaxTokens = 4096

// options writes sampling and identity, and names what has no place here.
func (p *packer) options() {
	p.sampling()
	r, s := p.r, &p.r.Sampling
	p.tier()
	if r.SafetyID != "" || inside("metadata", r.Extra) {
		p.w.name("metadata")
		p.w.open('{')
		p.w.textAt("user_id", r.SafetyID)
		p.w.within("metadata", r.Extra)
		p.w.close('}')
	}
	if r.User != "" {
		p.l.Drop("user") // it may name a person, and user_id must not
	}
	if n, ok := s.N.Int(); s.N != "" && (!ok || n != 1) {
		p.refuse("sampling.n", "gives one answer to a call")
	}
	if s.Logprobs != nil && *s.Logprobs {
		p.refuse("sampling.logprobs", "does not tell how likely tokens were")
	}
	if slices.ContainsFunc(r.Modes, func(m string) bool { return m != "text" }) {
		p.refuse("modalities", "answers in text alone")
	}
	if r.Cache.Resource != "" {
		p.refuse("caching.resource", "keeps no prompts by name")
	}
	for _, field := range []struct {
		stated bool
		path   string
	}{
		{s.FrequencyPenalty != "", "sampling.frequency_penalty"}, {s.PresencePenalty != "", "sampling.presence_penalty"},
		{s.Seed != "", "sampling.seed"}, {len(s.LogitBias) > 0, "sampling.logit_bias"},
		{r.Cache.Key != "", "caching.key"}, {r.Cache.Retention != "", "caching.retention"},
		{r.Verbosity != "", "verbosity"}, {len(r.Metadata) > 0, "metadata"}, {r.Store != nil && *r.Store, "store"},
	} {
		if field.stated {
			p.l.Drop(field.path)
		}
	}
}

// sampling writes how tokens are chosen. A model that reasons takes neither
// temperature nor top_k, and newer ones not temperature and top_p together.
func (p *packer) sampling() {
	s := &p.r.Sampling
	temperature, topP, topK := s.Temperature, s.TopP, s.TopK
	if f, ok := temperature.Float(); ok && f > 1 {
		temperature = "1"
		p.l.Clamp("sampling.temperature")
	}
	if p.reason().on {
		if f, ok := temperature.Float(); ok && f != 1 {
			temperature = ""
			p.l.Drop("sampling.temperature")
		}
		if topK != "" {
			topK = ""
			p.l.Drop("sampling.top_k")
		}
		if f, ok := topP.Float(); ok && f < 0.95 {
			topP = "0.95"
			p.l.Clamp("sampling.top_p")
		}
	}
	if temperature != "" && topP != "" {
		topP = ""
		p.l.Drop("sampling.top_p")
	}
	p.w.numberAt("temperature", temperature)
	p.w.numberAt("top_p", topP)
	p.w.numberAt("top_k", topK)
	var stop []string
	for _, word := range s.Stop {
		if strings.TrimSpace(word) == "" {
			p.l.Drop("sampling.stop")
			continue
		}
		stop = append(stop, word)
	}
	if len(stop) > 0 {
		p.w.name("stop_sequences")
		p.w.raw(listOf(stop))
	}
}

// tier writes the tier, of which this dialect has two.
func (p *packer) tier() {
	switch p.r.Tier {
	case "", "auto":
		p.w.textAt("service_tier", p.r.Tier)
	case tierDefault:
		p.w.textAt("service_tier", "standard_only")
	default:
		p.l.Drop("service_tier")
	}
}

// format writes output_config: the form of the answer, and the effort.
func (p *packer) format(t reasoning) {
	f := p.r.Format
	schema := f != nil && f.Kind == chat.FormatSchema
	if f != nil && f.Description != "" {
		p.l.Drop("format.description")
	}
	if !schema && t.effort == "" && !inside("output_config", p.r.Extra) {
		return
	}
	w := &p.w
	w.name("output_config")
	w.open('{')
	w.textAt("effort", t.effort)
	if schema {
		w.name("format")
		w.open('{')
		w.name("type")
		w.text("json_schema")
		w.name("schema")
		w.raw(f.Schema)
		w.extras(p.l.Own("format", f.Extra))
		w.close('}')
	}
	w.within("output_config", p.r.Extra)
	w.close('}')
}
