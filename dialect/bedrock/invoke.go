package bedrock

import (
	"bytes"
	"net/http"

	"bulkhead/call"
	"bulkhead/chat"
	"bulkhead/fault"
	"bulkhead/wire"

	dialects "bulkhead/dialect"
)

// invokeHeaders are the headers by which a call of InvokeModel says what
// Converse says in its body. They pass in the relay lane, and no others do.
var invokeHeaders = []struct {
	name  string
	need  call.Capability
	prose bool // it holds text of the caller's
}{
	{name: "X-Amzn-Bedrock-Guardrailidentifier", need: call.Guardrail},
	{name: "X-Amzn-Bedrock-Guardrailversion"},
	{name: "X-Amzn-Bedrock-Trace"},
	{name: "X-Amzn-Bedrock-Performanceconfig-Latency"},
	{name: "X-Amzn-Bedrock-Service-Tier"},
	{name: "X-Amzn-Bedrock-Request-Metadata", prose: true},
}

// InvokeReader scans requests of InvokeModel and its stream, whose bodies are
// a model family's own: Anthropic's, which Anthropic reads, Amazon Nova's and
// Titan's. Bodies of other families are refused, since what they ask of the
// vendor cannot be told.
type InvokeReader struct {
	Anthropic dialects.Reader // nil: such bodies are refused
}

var _ dialects.Reader = InvokeReader{}

// Families that are told apart by the members that their bodies must have.
var titan = of(says("inputText"), in("textGenerationConfig", of(
	member{name: "maxTokenCount", kinds: integer, read: (*reader).maxTokens}, member{name: "temperature", kinds: number},
	member{name: "topP", kinds: number}, member{name: "stopSequences", kinds: array})))

// Read implements dialect.Reader.
func (i InvokeReader) Read(in *dialects.Inbound, s *wire.Scanner, l dialects.Listener) (dialects.Request, error) {
	operation := "invoke"
	if in.Stream {
		operation = "invoke-with-response-stream"
	}
	header, needs, err := readHeaders(in.Header, l)
	if err != nil {
		return nil, err
	}
	r := &request{operation: operation, body: in.Body, header: header}
	if err := i.body(r, in, s, l); err != nil {
		return nil, err
	}
	r.asked.Alias, r.asked.Stream, r.asked.Usage = in.Model, in.Stream, in.Stream
	r.asked.Needs = append(needs, r.asked.Needs...)
	return r, nil
}

// surface is what dialects of bodies call InvokeModel.
const surface = "invoke"

// readHeaders gives the headers that pass, and what they ask of the vendor.
func readHeaders(h http.Header, l dialects.Listener) (http.Header, []dialects.Need, error) {
	out := http.Header{}
	var needs []dialects.Need
	for _, known := range invokeHeaders {
		values := h[known.name]
		switch {
		case len(values) == 0:
			continue
		case len(values) > 1:
			return nil, nil, fault.New(fault.Malformed, "The header %s is there twice.", known.name).At(known.name).Final()
		}
		if l.Name != nil && !known.prose {
			l.Name([]byte(values[0]))
		}
		if l.Text != nil && known.prose {
			l.Text([]byte(values[0]))
		}
		if known.need != "" {
			needs = append(needs, dialects.Need{Capability: known.need, Field: known.name})
		}
		out[known.name] = values
	}
	return out, needs, nil
}

// body reads a body by its family.
func (i InvokeReader) body(r *request, in *dialects.Inbound, s *wire.Scanner, l dialects.Listener) error {
	top := described.nova
	r.family = family(in.Body, s)
	switch r.family {
	case "anthropic":
		return i.anthropic(r, in, s, l)
	case "titan":
		top = titan
	case "":
		return unknownFamily("")
	}
	asked, err := scan(in, s, l, top)
	if err != nil {
		return err
	}
	for _, unknown := range asked.Unknown {
		if _, reaches := reaching[unknown]; reaches || unknown == "tools" {
			return unknownFamily(unknown)
		}
	}
	r.asked = *asked
	return nil
}

func (i InvokeReader) anthropic(r *request, in *dialects.Inbound, s *wire.Scanner, l dialects.Listener) error {
	if i.Anthropic == nil {
		return unknownFamily("")
	}
	inner, err := i.Anthropic.Read(in, s, l)
	if err != nil {
		return err
	}
	for _, unknown := range inner.Asked().Unknown {
		// What another family reads, this one's reader has not judged.
		if described.nova.find([]byte(unknown)) != nil || unknown == "inputText" {
			return unknownFamily(unknown)
		}
	}
	r.asked, r.inner = *inner.Asked(), inner
	return nil
}

func unknownFamily(field string) error {
	if field != "" {
		return fault.New(fault.Unsupported, "The field %q is of another family of models than the body.", clip(field)).At(clip(field)).Final()
	}
	return fault.New(fault.Unsupported, "The body is of no family of models that Bulkhead reads: send Anthropic's, with anthropic_version, Amazon Nova's, with messages, or Titan's, with inputText; or use Converse.").Final()
}

// family tells whose a body is, by its members.
func family(body []byte, s *wire.Scanner) string {
	if !bytes.Contains(body, []byte("anthropic_version")) && bytes.Contains(body, []byte("inputText")) {
		return "titan"
	}
	s.Reset(body)
	found := ""
	if s.Next() != wire.Object || !s.Object() {
		return "nova" // whose scan says what is wrong with it
	}
	for n := s.Name(); n != nil; n = s.Name() {
		switch string(n) {
		case "anthropic_version":
			return "anthropic"
		case "messages":
			found = "nova"
		case "inputText":
			found = "titan"
		}
		s.Skip()
	}
	if found == "" && s.Failed() {
		return "nova"
	}
	return found
}

// Invoke is the caller's side of InvokeModel around the dialect of its bodies:
// it adds the headers' fields to a request and the frames to a stream.
type Invoke struct {
	dialects.Server // of the bodies

	// Frames begins a streamed reply in the dialect of the bodies whose events
	// lie in frames of another kind than its own.
	Frames func(a *dialects.Answering, frame Frame) dialects.StreamEncoder
}

var _ dialects.Server = Invoke{}

// Decode implements dialect.Server.
func (i Invoke) Decode(in *dialects.Inbound, s *wire.Scanner) (*chat.Request, error) {
	r, err := i.Server.Decode(in, s)
	if err != nil {
		return nil, err
	}
	r.Model, r.Stream, r.Usage = in.Model, in.Stream, in.Stream
	for _, h := range invokeHeaders {
		v := in.Header.Get(h.name)
		switch {
		case v == "":
		case h.name == "X-Amzn-Bedrock-Service-Tier":
			r.Tier = v
		default:
			r.Extra = append(r.Extra, chat.Field{Dialect: name, Name: h.name, Value: quote(nil, v)})
		}
	}
	return r, nil
}

// Fields implements dialect.Server: those of the bodies, and the headers.
func (i Invoke) Fields() dialects.Fields {
	out := append(dialects.Fields(nil), i.Server.Fields()...)
	for _, f := range fields {
		for _, h := range invokeHeaders {
			if f.Path == h.name {
				out = append(out, f)
			}
		}
	}
	return out
}

// InvokeUsage gives the counts that the headers of a unary reply state,
// whatever family the body is; nil where they do not.
func InvokeUsage(h http.Header) *chat.Usage {
	in, ok := chat.Number(h.Get("X-Amzn-Bedrock-Input-Token-Count")).Int()
	out, also := chat.Number(h.Get("X-Amzn-Bedrock-Output-Token-Count")).Int()
	if !ok || !also || in < 0 || out < 0 {
		return nil
	}
	u := &chat.Usage{Input: in, Output: out}
	if n, ok := chat.Number(h.Get("X-Amzn-Bedrock-Cache-Read-Input-Token-Count")).Int(); ok && n > 0 {
		u.CacheRead = n
	}
	if n, ok := chat.Number(h.Get("X-Amzn-Bedrock-Cache-Write-Input-Token-Count")).Int(); ok && n > 0 {
		u.CacheWrite5m = n
	}
	return u
}
