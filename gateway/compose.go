package gateway

import (
	"net/http"
	"slices"
	"strings"

	"bulkhead/call"
	"bulkhead/chat"
	"bulkhead/dialect"
	"bulkhead/fault"
	"bulkhead/ledger"
	"bulkhead/policy"
	"bulkhead/wire"
)

// outgoing is a request as it goes to one offering.
type outgoing struct {
	path   string
	header [][2]string
	body   wire.Splice
	sent   ledger.Digest // commitment to the body
	losses *chat.Losses  // nil: nothing was translated
}

// compose spells the request for the n-th offering: the caller's own bytes with
// some edits where both speak one dialect, else a translation. A field that
// cannot be carried, and that the caller relies on, is a fault that names it.
func (s *serving) compose(permit *policy.Permit, n int) error {
	e, w := &s.entry, &s.snapshot.ways[permit.Offering(n).Index]
	e.outgoing = outgoing{header: upstreamHeader(s.r.Header)}
	mac := e.mac
	if e.receipt != nil { // it is the reply's by now
		mac = e.key.Commit(e.hash)
	}
	if w.dialect == s.in.Dialect {
		r := s.request.Relay(&w.to)
		e.path, e.body = r.Path, r.Body
		e.addHeader(r.Header)
		e.sent = mac.Edits(e.request, r.Body.Edits)
		return nil
	}
	e.losses = s.ours().Losses(w.dialect, nil)
	out, err := s.translate(w)
	if err != nil {
		return err
	}
	e.path, e.body = out.Path, wire.Splice{Body: out.Body}
	e.addHeader(out.Header)
	mac.Reset()
	_, _ = mac.Write(out.Body)
	e.sent = mac.Digest()
	return nil
}

func (o *outgoing) addHeader(h http.Header) {
	for name, values := range h {
		for _, v := range values {
			o.header = append(o.header, [2]string{name, v})
		}
	}
}

// translate carries the request through the hub into an offering's dialect.
func (s *serving) translate(w *way) (*dialect.Outbound, error) {
	e, ours, theirs := &s.entry, s.ours(), s.theirs(w)
	if s.in.Action == call.Embeddings {
		server, from := ours.Server.(dialect.EmbeddingServer)
		client, to := theirs.Client.(dialect.EmbeddingClient)
		if !from || !to {
			return nil, s.uncarried(w, "embeddings")
		}
		var err error
		if e.embed == nil {
			if e.embed, err = server.DecodeEmbed(s.inbound(), &s.scan); err != nil {
				return nil, err
			}
		}
		return client.EncodeEmbed(e.embed, &w.to, e.losses)
	}
	var err error
	if e.hub == nil {
		if e.hub, err = ours.Server.Decode(s.inbound(), &s.scan); err != nil {
			return nil, err
		}
	}
	if s.in.Action == call.CountTokens {
		client, to := theirs.Client.(dialect.CountClient)
		if !to {
			return nil, s.uncarried(w, "a count of tokens")
		}
		return client.EncodeCount(e.hub, &w.to, e.losses)
	}
	return ours.Request(e.hub, theirs, &w.to, e.losses)
}

func (s *serving) uncarried(w *way, what string) error {
	return fault.New(fault.Unsupported, "The dialect %s has no form for %s.", w.dialect, what).Final()
}

// lost names what the translation of the attempt that answers could not carry.
func (o *outgoing) lost() []string {
	if o.losses == nil {
		return nil
	}
	var out []string
	for _, l := range o.losses.List() {
		out = append(out, l.Field)
	}
	return slices.Compact(out)
}

// setLoss names the losses to the caller (RFC 9651, a list of strings with the
// parameter a).
func (o *outgoing) setLoss(h http.Header, name string) {
	if o.losses == nil || len(o.losses.List()) == 0 {
		return
	}
	var items []string
	for _, l := range o.losses.List() {
		if !visible(l.Field) {
			continue
		}
		field := strings.ReplaceAll(strings.ReplaceAll(l.Field, `\`, `\\`), `"`, `\"`)
		items = append(items, `"`+field+`";a=`+string(l.Action))
	}
	h[name] = []string{strings.Join(items, ", ")}
}
