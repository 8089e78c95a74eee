package gemini

import (
	"bytes"
	"strconv"

	"bulkhead/chat"
	"bulkhead/wire"
)

// counts are the counters of a usageMetadata, as the vendor counts them.
type counts struct {
	known                                              bool
	prompt, cached, candidates, thoughts, tools, total int64
	inAudio, inImage, inVideo, outAudio, outImage      int64
	tier                                               string
}

// usage reads a usageMetadata. One without promptTokenCount says nothing.
func (d *replyDecoder) usage(data []byte) {
	var c counts
	var in, out []byte // details by modality
	s := &d.inner
	s.Reset(data)
	s.Object()
	for raw := s.Name(); raw != nil; raw = s.Name() {
		known := camel(raw)
		kind := s.Next()
		at := s.Pos()
		span := wire.Span{Start: at, End: s.Skip().End}
		v := s.Slice(span)
		switch known {
		case "promptTokenCount":
			c.prompt, c.known = tokenCount(v)
		case "cachedContentTokenCount":
			c.cached, _ = tokenCount(v)
		case "candidatesTokenCount":
			c.candidates, _ = tokenCount(v)
		case "thoughtsTokenCount":
			c.thoughts, _ = tokenCount(v)
		case "toolUsePromptTokenCount":
			c.tools, _ = tokenCount(v)
		case "totalTokenCount":
			c.total, _ = tokenCount(v)
		case "trafficType":
			if !bytes.Equal(d.traffic, v) {
				d.traffic = bytes.Clone(v)
			}
		case "serviceTier":
			if c.tier = d.counts.tier; kind == wire.String && c.tier == "" {
				c.tier = tierWord(unquote(v))
			}
		case "promptTokensDetails":
			in = v
		case "candidatesTokensDetails":
			out = v
		}
	}
	d.modal(in, &c.inAudio, &c.inImage, &c.inVideo)
	d.modal(out, &c.outAudio, &c.outImage, nil)
	if !c.known {
		tier := c.tier
		if c = d.counts; c.tier == "" {
			c.tier = tier
		}
	}
	if c != d.counts {
		d.counts, d.stale = c, true
	}
}

// count tells what is known of the usage, if that is new.
func (d *replyDecoder) count(emit chat.Sink) error {
	if !d.stale || !d.counts.known {
		return nil
	}
	d.stale = false
	d.counts.into(&d.told)
	if d.traffic != nil && d.told.Extra == nil {
		d.told.Extra = chat.Extra{{Dialect: name, Name: "trafficType"}}
	}
	if d.traffic != nil {
		d.told.Extra[0].Value = d.traffic
	}
	d.e = chat.Event{Kind: chat.Count, Usage: &d.told}
	return emit(&d.e)
}

// into puts the counters into the hub's, which exclude each other.
func (c *counts) into(u *chat.Usage) {
	*u = chat.Usage{CacheRead: c.cached, ToolPrompt: c.tools, Output: c.candidates + c.thoughts, Reasoning: c.thoughts,
		InputAudio: c.inAudio, InputImage: c.inImage, InputVideo: c.inVideo, OutputAudio: c.outAudio, OutputImage: c.outImage, Extra: u.Extra}
	u.Inclusive(c.prompt + c.tools)
	// What some leave out of a counter they have in the total: what was
	// consumed is the larger count.
	if rest := c.total - c.prompt - c.tools; rest > u.Output {
		u.Output = rest
	}
}

// tokenCount reads a count, which may stand in quotes. One that is negative or
// too large is none.
func tokenCount(v []byte) (int64, bool) {
	n, err := strconv.ParseInt(string(bytes.Trim(v, `"`)), 10, 32)
	return max(n, 0), err == nil && n >= 0
}

// modal reads counts by modality: [{"modality":"AUDIO","tokenCount":7}].
func (d *replyDecoder) modal(data []byte, audio, image, video *int64) {
	s := &d.inner
	s.Reset(data)
	if s.Next() != wire.Array {
		return
	}
	s.Array()
	for s.Element() {
		if s.Next() != wire.Object {
			s.Skip()
			continue
		}
		var to *int64
		var n int64
		s.Object()
		for raw := s.Name(); raw != nil; raw = s.Name() {
			known := camel(raw)
			s.Next()
			at := s.Pos()
			v := s.Slice(wire.Span{Start: at, End: s.Skip().End})
			switch {
			case known == "tokenCount":
				n, _ = tokenCount(v)
			case known != "modality":
			case string(v) == `"AUDIO"`:
				to = audio
			case string(v) == `"IMAGE"`:
				to = image
			case string(v) == `"VIDEO"`:
				to = video
			}
		}
		if to != nil {
			*to = n
		}
	}
}
