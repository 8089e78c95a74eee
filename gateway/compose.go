package gateway

import (
	"net/http"
	"slices"
	"strconv"
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
	losses *chat.Losses  // nil: nothing was lost
	anew   bool          // it was translated, if only into its own dialect
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
	astray, err := s.astray(w)
	relays := s.relays(w)
	if relays && err != nil {
		return err
	}
	if relays && !astray {
		e.losses = s.forgone(w)
		r := s.request.Relay(&w.to)
		e.path, e.body = r.Path, r.Body
		e.addHeader(r.Header)
		e.sent = mac.Edits(e.request, r.Body.Edits)
		return nil
	}
	if err := s.untold(); err != nil {
		return err
	}
	e.losses, e.anew = s.ours().Losses(w.dialect, s.snapshot.Estate.Workloads[s.rec.Workload].AllowLosses), true
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
	if e.hub == nil && e.embed == nil { // the canonical form, and what is spelled of it
		if err := s.hold(2 * s.rec.BytesIn); err != nil {
			return nil, err
		}
	}
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
		return client.EncodeCount(s.addressed(w), &w.to, e.losses)
	}
	return ours.Request(s.addressed(w), theirs, &w.to, e.losses)
}

// hold counts bytes that the call keeps beside its bodies against the budget of
// held bytes, until the call is settled.
func (s *serving) hold(n int64) error {
	if err := s.g.intake.take(n); err != nil {
		return err
	}
	s.holds += n
	return nil
}

func (s *serving) uncarried(w *way, what string) error {
	return fault.New(fault.Unsupported, "The dialect %s has no form for %s.", w.dialect, what).At("model").Final()
}

// lost names what the translation of the attempt that answers could not carry.
// A name that a caller made up may say anything, and stays out of the record.
func (o *outgoing) lost() []string {
	if o.losses == nil {
		return nil
	}
	var out []string
	for _, l := range o.losses.List() {
		if !fieldPath(l.Field) {
			l.Field = "(a field of the caller's own)"
		}
		if !slices.Contains(out, l.Field) {
			out = append(out, l.Field)
		}
		if len(out) == maxLosses {
			break
		}
	}
	return out
}

// maxLosses is how many losses the caller and the record are told by name; the
// header of a reply has to fit into what clients take.
const maxLosses = 64

// fieldPath reports whether a name reads as a path of fields.
func fieldPath(name string) bool {
	if len(name) > 128 {
		return false
	}
	for _, c := range []byte(name) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '_', c == '.', c == '[', c == ']', c == '-', c == '*':
		default:
			return false
		}
	}
	return true
}

// setLoss names the losses to the caller (RFC 9651, a list of strings with the
// parameter a).
func (o *outgoing) setLoss(h http.Header, name string) {
	if o.losses == nil || len(o.losses.List()) == 0 {
		return
	}
	all := o.losses.List()
	var items []string
	for _, l := range all[:min(len(all), maxLosses)] {
		if fieldPath(l.Field) {
			items = append(items, `"`+l.Field+`";a=`+string(l.Action))
		}
	}
	if n := len(all) - len(items); n > 0 {
		items = append(items, `"others";n=`+strconv.Itoa(n))
	}
	h[name] = []string{strings.Join(items, ", ")}
}
