package gateway

import (
	"net/http"

	"bulkhead/call"
	"bulkhead/catalog"
	"bulkhead/dialect"
	"bulkhead/dialect/bedrock"
	"bulkhead/dialect/gemini"
	"bulkhead/translate"
)

// tongues are the dialects of this build, by the names of callers' routes and
// endpoints' rows.
var tongues = func() map[dialect.Name]translate.Dialect {
	out := map[dialect.Name]translate.Dialect{}
	for _, d := range translate.Dialects() {
		out[d.Name] = d
	}
	return out
}()

const (
	eventStream = "text/event-stream"
	frameStream = "application/vnd.amazon.eventstream"
)

// streamOf is the content type of a vendor's stream.
func streamOf(w *way) string {
	if w.dialect == dialect.Bedrock || w.invoke() {
		return frameStream
	}
	return eventStream
}

// way is how an offering is spoken to.
type way struct {
	dialect dialect.Name // of the bodies
	family  string       // of bodies of InvokeModel that are relayed alone; empty: any other
	to      dialect.Upstream
}

func wayTo(o *catalog.Offering) way {
	e := o.Endpoint
	w := way{dialect: dialect.Name(e.Dialect), to: dialect.Upstream{
		Model: o.ID, URL: e.URL, Surface: e.Surface, APIVersion: e.APIVersion, Project: e.Project, Location: orElse(e.Location, e.Region), Family: familyOf(o),
		Store: o.Granted(call.Store), AskUsage: e.StreamUsage == "" || e.StreamUsage == "ask", MaxTokens: o.Model.MaxOutput,
		Reasoning: o.Model.Reasoning, MidSystem: o.Model.Instructions == "anywhere", UnknownOK: o.UnknownState == "pass",
	}}
	if w.invoke() && w.dialect == dialect.Bedrock {
		if w.family = bedrock.FamilyOf(o.ID); w.family == bedrock.Claude {
			w.dialect, w.family = dialect.Anthropic, ""
		}
	}
	return w
}

// familyOf is whose opaque state an offering can read: that of the family the
// estate states, else that of its own vendor's models at its own endpoint.
func familyOf(o *catalog.Offering) string {
	if o.State != "" {
		return o.State
	}
	return o.Model.Vendor + ":" + o.Endpoint.Name
}

// lane gives the lane of an attempt: bytes pass between two of one dialect, and
// are spelled anew between two of different ones.
func (s *serving) lane(w *way, asked bool) lane {
	says := heard{minted: minted{on: s.g.options.State != nil}}
	switch {
	case s.entry.anew: // what was asked in other words is answered in them too
	case w.dialect == dialect.OpenAI && s.in.Dialect == dialect.OpenAI:
		return &openaiLane{scratch: s.scratch, id: s.rec.ID, asked: asked, says: says}
	case s.relays(w):
		return &relayLane{s: s, says: says, to: &w.to, client: s.theirs(w).Client, decoder: s.decoder(w), encoder: s.ours().Server.Stream(s.answering())}
	}
	return &translateLane{s: s, says: says, to: &w.to, client: s.theirs(w).Client, decoder: s.theirs(w).Client.Stream(&w.to), encoder: s.ours().Server.Stream(s.answering())}
}

func (s *serving) ours() translate.Dialect {
	if s.in.Surface == SurfaceInvoke {
		return invoked
	}
	return tongues[s.in.Dialect]
}

func (s *serving) theirs(w *way) translate.Dialect {
	d := tongues[w.dialect]
	switch {
	case w.invoke() && w.dialect == dialect.Anthropic:
		d.Client = invokes{}
	case w.family != "":
		d.Client = bedrock.Opaque{}
	}
	return d
}

// answering is what a reply in the caller's words needs to know.
func (s *serving) answering() *dialect.Answering {
	return &dialect.Answering{
		Call: s.rec.ID, Created: s.rec.Start, Model: s.rec.Alias, Request: s.entry.hub, Array: s.in.Dialect == dialect.Gemini && gemini.Array(s.inbound()), Loss: s.entry.losses,
	}
}

// inbound is the request as the dialects take it in.
func (s *serving) inbound() *dialect.Inbound {
	in := &dialect.Inbound{Action: s.in.Action, Model: s.in.Alias, Stream: s.in.Stream, Header: s.r.Header, Query: s.r.URL.Query()}
	if s.body != nil {
		in.Body = s.body.bytes
	}
	return in
}

// setStream sets what the header of a stream to the caller says.
func (s *serving) setStream(h http.Header) {
	kind := eventStream + "; charset=utf-8"
	switch {
	case s.in.Dialect == dialect.Bedrock:
		kind = frameStream
	case s.in.Dialect == dialect.Gemini && gemini.Array(s.inbound()):
		kind = "application/json"
	}
	h["Content-Type"] = []string{kind}
	h["X-Accel-Buffering"] = []string{"no"}
}
