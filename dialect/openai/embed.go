package openai

import (
	"net/http"
	"slices"

	"bulkhead/call"
	"bulkhead/chat"
	"bulkhead/fault"
	"bulkhead/wire"

	dialects "bulkhead/dialect"
)

// DecodeEmbed reads a request for embeddings.
func (Server) DecodeEmbed(in *dialects.Inbound, s *wire.Scanner) (*chat.EmbedRequest, error) {
	s.Reset(in.Body)
	d := decoder{s: s}
	r := &chat.EmbedRequest{}
	if d.object("") {
		for name := s.Name(); name != nil; name = s.Name() {
			switch field := string(name); field {
			case "model":
				r.Model = d.str(field)
			case "input":
				r.Inputs = d.inputs(field)
			case "dimensions":
				r.Dimensions = d.number(field)
			case "encoding_format":
				if r.Encoding = d.str(field); r.Encoding != "" && r.Encoding != "float" && r.Encoding != "base64" {
					d.refuse(fault.Unsupported, field, "is %q; it may be float or base64.", clip(r.Encoding))
				}
			case "user":
				r.User = d.str(field)
			default:
				d.extra(&r.Extra, field)
			}
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

// inputs reads one text or several, or the tokens of one or of several.
func (d *decoder) inputs(field string) []chat.Input {
	if d.s.Next() == wire.String {
		return []chat.Input{{Text: d.text()}}
	}
	if !d.array(field) {
		return nil
	}
	var out []chat.Input
	var flat []int64
	for d.s.Element() {
		switch d.s.Next() {
		case wire.String:
			out = append(out, chat.Input{Text: d.text()})
		case wire.Number:
			flat = append(flat, d.tokenID(field))
		case wire.Array:
			var ids []int64
			d.s.Array()
			for d.s.Element() {
				ids = append(ids, d.tokenID(field))
			}
			out = append(out, chat.Input{Tokens: ids})
		default:
			d.misfit(field, "a text, or a list of texts or of token ids")
		}
	}
	if flat != nil {
		out = append(out, chat.Input{Tokens: flat})
	}
	return out
}

func (d *decoder) tokenID(field string) int64 {
	id, whole := d.number(field).Int()
	if !whole {
		d.refuse(fault.Malformed, field, "holds a token id that is no whole number.")
	}
	return id
}

// EmbedReply writes a list of vectors in the encoding that was asked for.
func (Server) EmbedReply(dst []byte, r *chat.EmbedReply, asked *chat.EmbedRequest, a *dialects.Answering) ([]byte, error) {
	l := lossesOf(a)
	w := writer{dst}
	w.b = append(w.b, '{')
	w.str("object", "list")
	w.array("data")
	for i, v := range r.Vectors {
		w.open('{')
		w.str("object", "embedding")
		w.int("index", int64(i))
		if asked.Encoding == "base64" {
			text, err := v.Encoded()
			if err != nil {
				return dst, broken("a vector is none.").Because(err)
			}
			w.str("embedding", text)
		} else {
			values, err := v.Array()
			if err != nil {
				return dst, broken("a vector is none.").Because(err)
			}
			w.value("embedding", values)
		}
		w.close('}')
	}
	w.close(']')
	model := r.Model
	if model == "" {
		model = a.Model
	}
	w.str("model", model)
	if r.Usage != nil {
		l.Own("usage", r.Usage.Extra)
		w.embedded(r.Usage)
	}
	w.extra(l.Own("", r.Extra), "")
	w.close('}')
	return w.b, nil
}

// EncodeEmbed writes a request for embeddings.
func (Client) EncodeEmbed(r *chat.EmbedRequest, to *dialects.Upstream, l *chat.Losses) (*dialects.Outbound, error) {
	w := writer{make([]byte, 0, 512)}
	w.open('{')
	if !byURL(to.Surface) {
		w.str("model", to.Model)
	}
	if len(r.Inputs) == 1 {
		w.name("input")
		w.input(&r.Inputs[0])
	} else {
		w.array("input")
		for i := range r.Inputs {
			w.sep()
			w.input(&r.Inputs[i])
		}
		w.close(']')
	}
	for i := range r.Inputs {
		if r.Inputs[i].Title != "" {
			l.Drop("inputs[].title")
		}
	}
	if r.Purpose != "" {
		l.Drop("purpose")
	}
	w.number("dimensions", r.Dimensions)
	w.said("encoding_format", r.Encoding)
	w.said("user", r.User)
	w.extra(l.Own("", r.Extra), "")
	w.close('}')
	return &dialects.Outbound{Method: http.MethodPost, Path: path(to, call.Embeddings), Body: w.b}, nil
}

// input writes a text, or the tokens of one.
func (w *writer) input(in *chat.Input) {
	if in.Tokens == nil {
		w.b = appendText(w.b, in.Text)
		return
	}
	w.b = append(w.b, '[')
	for _, id := range in.Tokens {
		w.sep()
		w.b = append(w.b, chat.NumberOf(id)...)
	}
	w.close(']')
}

// EmbedReply reads a list of vectors.
func (Client) EmbedReply(body []byte, s *wire.Scanner, _ *dialects.Upstream) (*chat.EmbedReply, error) {
	s.Reset(body)
	s.Lenient = true
	r := &chat.EmbedReply{}
	var vectors []vectorIn
	failed := false
	if s.Next() == wire.Object && s.Object() {
		for name := s.Name(); name != nil; name = s.Name() {
			kind := s.Next()
			switch {
			case kind == wire.Null || string(name) == "object":
				s.Skip()
			case string(name) == "error":
				failed = true
				s.Skip()
			case kind == wire.Array && string(name) == "data":
				s.Array()
				for s.Element() {
					vectors = append(vectors, readVector(s, len(vectors)))
				}
			case kind == wire.String && string(name) == "model":
				r.Model = textOf(s)
			case kind == wire.Object && string(name) == "usage":
				var usage chat.Usage
				if readUsage(s, &usage) {
					usage.Output = 0
					r.Usage = &usage
				}
			default:
				keep(s, &r.Extra, rootTaken+"data ", "", string(name))
			}
		}
	} else {
		s.Skip()
	}
	if err := s.End(); err != nil {
		return nil, broken("it is no JSON object.").Because(err)
	}
	if failed && len(vectors) == 0 {
		return nil, Client{}.Fault(0, nil, body)
	}
	slices.SortStableFunc(vectors, func(a, b vectorIn) int { return a.index - b.index })
	for i, v := range vectors {
		if v.index != i || v.Values == nil && v.Base64 == "" {
			return nil, broken("its vectors are not numbered 0, 1, 2…, or one is missing.")
		}
		r.Vectors = append(r.Vectors, v.Vector)
	}
	return r, nil
}

type vectorIn struct {
	index int
	chat.Vector
}

func readVector(s *wire.Scanner, place int) vectorIn {
	v := vectorIn{index: place}
	if s.Next() != wire.Object {
		s.Skip()
		return v
	}
	s.Object()
	for name := s.Name(); name != nil; name = s.Name() {
		kind := s.Next()
		switch {
		case kind == wire.Number && string(name) == "index":
			if n, ok := tokens(s); ok && n < 1<<31 {
				v.index = int(n)
			}
		case kind == wire.Array && string(name) == "embedding":
			v.Values = copied(s)
		case kind == wire.String && string(name) == "embedding":
			v.Base64 = textOf(s)
		default:
			s.Skip()
		}
	}
	return v
}
