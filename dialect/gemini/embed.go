package gemini

import (
	"fmt"
	"net/http"
	"strings"

	"bulkhead/chat"
	"bulkhead/dialect"
	"bulkhead/fault"
	"bulkhead/wire"
)

// embedDecoder reads an embedContent, or a batch of them.
type embedDecoder struct {
	walker
	req *chat.EmbedRequest
}

// DecodeEmbed reads a request for vectors. Those of a batch ask for vectors of
// one kind, or the batch is refused.
func (Server) DecodeEmbed(in *dialect.Inbound, s *wire.Scanner) (*chat.EmbedRequest, error) {
	s.Reset(in.Body)
	d := embedDecoder{walker{s: s}, &chat.EmbedRequest{Model: short(in.Model)}}
	var one chat.Input
	var is kindOf
	single := false
	d.object(func(member string, kind wire.Kind) {
		switch {
		case member == "requests":
			d.req.Batch = true
			d.array(func(i int) { d.request(i) })
		case d.member(member, kind, &one, &is):
			single = single || member == "content"
		default:
			d.req.Extra = append(d.req.Extra, chat.Field{Dialect: name, Name: member, Value: d.raw()})
		}
	})
	if err := d.end(); err != nil {
		return nil, err
	}
	if d.req.Batch && single {
		return nil, fault.New(fault.Malformed, "The body has both content and requests; give one.").At("content").Final()
	}
	if !d.req.Batch {
		d.req.Inputs = []chat.Input{one}
		d.req.Purpose, d.req.Dimensions = is.purpose, is.dimensions
	}
	return d.req, nil
}

// kindOf is what kind of vector is asked for.
type kindOf struct {
	purpose    string
	dimensions chat.Number
}

// request reads one request of a batch.
func (d *embedDecoder) request(i int) {
	var one chat.Input
	var is kindOf
	d.object(func(member string, kind wire.Kind) {
		if !d.member(member, kind, &one, &is) {
			d.refuse(fault.Unsupported, "%s is not known within a batch; leave it out.", d.field())
			d.s.Skip()
		}
	})
	if i == 0 {
		d.req.Purpose, d.req.Dimensions = is.purpose, is.dimensions
	}
	if is != (kindOf{d.req.Purpose, d.req.Dimensions}) {
		d.refuse(fault.Unsupported, "%s asks for another kind of vector than the first of its batch; ask for one kind at a time.", d.field())
	}
	d.req.Inputs = append(d.req.Inputs, one)
}

// member reads a member that requests of either form have.
func (d *embedDecoder) member(member string, kind wire.Kind, in *chat.Input, is *kindOf) bool {
	switch member {
	case "content":
		in.Text = d.content()
	case "title":
		in.Title = d.text()
	case "taskType":
		if word := d.text(); word != "TASK_TYPE_UNSPECIFIED" && word != "UNSPECIFIED" {
			is.purpose = strings.ToLower(word)
		}
	case "outputDimensionality":
		is.dimensions = d.number()
	case "model":
		if said := short(d.text()); d.req.Model == "" {
			d.req.Model = said
		}
	case "embedContentConfig":
		d.object(func(member string, kind wire.Kind) {
			if member == "content" || member == "model" || !d.member(member, kind, in, is) {
				d.req.Extra = append(d.req.Extra, chat.Field{Dialect: name, Name: "embedContentConfig." + member, Value: d.raw()})
			}
		})
	default:
		return false
	}
	return true
}

// content reads the text of one input; anything but text has no vector elsewhere.
func (d *embedDecoder) content() string {
	var text strings.Builder
	d.object(func(member string, _ wire.Kind) {
		if member != "parts" {
			d.s.Skip()
			return
		}
		d.array(func(int) {
			d.object(func(member string, _ wire.Kind) {
				if member != "text" {
					d.refuse(fault.Unsupported, "%s is no text; vectors are made of text here.", d.field())
					d.s.Skip()
					return
				}
				text.WriteString(d.text())
			})
		})
	})
	return text.String()
}

// EmbedReply appends the body of a reply of vectors.
func (Server) EmbedReply(dst []byte, r *chat.EmbedReply, asked *chat.EmbedRequest, a *dialect.Answering) ([]byte, error) {
	w := replyWriter{writer{dst}, a.Loss}
	if !asked.Batch && len(r.Vectors) != 1 {
		return dst, fault.New(fault.UpstreamError, "The vendor gave %d vectors for one text.", len(r.Vectors))
	}
	w.open('{')
	if asked.Batch {
		w.key("embeddings").open('[')
	} else {
		w.key("embedding")
	}
	for _, v := range r.Vectors {
		values, err := v.Array()
		if err != nil {
			return dst, fault.New(fault.UpstreamError, "The vendor gave a vector that cannot be read.").Because(err)
		}
		w.open('{')
		w.key("values").flat(values)
		w.close('}')
	}
	if asked.Batch {
		w.close(']')
	}
	if r.Usage != nil {
		w.key("usageMetadata").open('{')
		w.key("promptTokenCount").integer(r.Usage.Prompt())
		w.key("totalTokenCount").integer(r.Usage.Prompt())
		w.close('}')
	}
	w.own("extra", r.Extra)
	w.close('}')
	return w.b, nil
}

// onePerCall reports whether a model of Vertex answers embedContent, which
// takes one text; the others answer predict (as the vendor's own SDKs choose,
// 2026).
func onePerCall(model string) bool {
	model = short(model)
	return strings.Contains(model, "gemini") && model != "gemini-embedding-001" || strings.Contains(model, "maas")
}

// EncodeEmbed writes a request for vectors.
func (Client) EncodeEmbed(r *chat.EmbedRequest, to *dialect.Upstream, l *chat.Losses) (*dialect.Outbound, error) {
	if len(r.Inputs) == 0 {
		return nil, fault.New(fault.Malformed, "There is no text to make a vector of.").At("inputs").Final()
	}
	for i := range r.Inputs {
		if r.Inputs[i].Tokens != nil {
			if err := l.Refuse(fmt.Sprintf("inputs[%d].tokens", i), "takes text, and no ids of tokens"); err != nil {
				return nil, err
			}
		}
	}
	if r.User != "" {
		l.Drop("user")
	}
	e := embedEncoder{r: r, to: to, extra: l.Own("", r.Extra)}
	if e.purpose = strings.ToUpper(r.Purpose); e.purpose != "" && !purposes[e.purpose] {
		l.Drop("purpose")
		e.purpose = ""
	}
	method := methodEmbed
	e.open('{')
	switch {
	case vertex(to) && !onePerCall(to.Model):
		method = methodPredict
		e.predict()
	case vertex(to):
		if len(r.Inputs) != 1 {
			return nil, fault.New(fault.Unsupported, "The model makes one vector a call, and %d are asked for.", len(r.Inputs)).At("inputs").Final()
		}
		e.content(0)
		e.key("embedContentConfig").open('{')
		e.kind()
		e.member("title", r.Inputs[0].Title)
		e.close('}')
	case len(r.Inputs) == 1 && !r.Batch:
		e.one(0)
	default:
		method = methodEmbeds
		e.key("requests").open('[')
		for i := range r.Inputs {
			e.open('{')
			e.one(i)
			e.close('}')
		}
		e.close(']')
	}
	for _, f := range e.extra {
		if !strings.Contains(f.Name, ".") {
			e.key(f.Name).raw(f.Value)
		}
	}
	e.close('}')
	return &dialect.Outbound{Method: http.MethodPost, Path: address(to, method, false), Body: e.b}, nil
}

type embedEncoder struct {
	writer
	r       *chat.EmbedRequest
	to      *dialect.Upstream
	purpose string
	extra   chat.Extra
}

// purposes are the vendor's task types.
var purposes = map[string]bool{
	"RETRIEVAL_QUERY": true, "RETRIEVAL_DOCUMENT": true, "SEMANTIC_SIMILARITY": true, "CLASSIFICATION": true, "CLUSTERING": true,
	"QUESTION_ANSWERING": true, "FACT_VERIFICATION": true, "CODE_RETRIEVAL_QUERY": true,
}

// one writes a request of the Gemini API.
func (e *embedEncoder) one(i int) {
	e.key("model").text(resource(e.to))
	e.content(i)
	e.kind()
	e.member("title", e.r.Inputs[i].Title)
}

func (e *embedEncoder) content(i int) {
	e.key("content").open('{')
	e.key("parts").open('[')
	e.open('{')
	e.key("text").text(e.r.Inputs[i].Text)
	e.close('}')
	e.close(']')
	e.close('}')
}

func (e *embedEncoder) kind() {
	e.member("taskType", e.purpose)
	e.number("outputDimensionality", e.r.Dimensions)
	for _, f := range e.extra {
		if rest, ok := strings.CutPrefix(f.Name, "embedContentConfig."); ok {
			e.key(rest).raw(f.Value)
		}
	}
}

// predict writes a request of Vertex's older form
// (https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/text-embeddings-api, 2026).
func (e *embedEncoder) predict() {
	e.key("instances").open('[')
	for i := range e.r.Inputs {
		e.open('{')
		e.key("content").text(e.r.Inputs[i].Text)
		e.member("task_type", e.purpose)
		e.member("title", e.r.Inputs[i].Title)
		e.close('}')
	}
	e.close(']')
	if e.r.Dimensions != "" {
		e.key("parameters").open('{')
		e.number("outputDimensionality", e.r.Dimensions)
		e.close('}')
	}
}

// EmbedReply reads the body of a reply of vectors, in any of the vendor's
// three forms. Usage is known where the vendor says it of every text.
func (Client) EmbedReply(body []byte, s *wire.Scanner, _ *dialect.Upstream) (*chat.EmbedReply, error) {
	s.Reset(body)
	d := embedReader{walker: walker{s: s}, r: &chat.EmbedReply{}}
	d.object(func(member string, kind wire.Kind) {
		switch member {
		case "embedding":
			d.vector()
		case "embeddings":
			d.array(func(int) { d.vector() })
		case "predictions":
			d.array(func(int) {
				d.object(func(member string, _ wire.Kind) {
					if member == "embeddings" {
						d.vector()
						return
					}
					d.s.Skip()
				})
			})
		case "usageMetadata":
			d.object(func(member string, _ wire.Kind) {
				if member == "promptTokenCount" {
					d.prompt()
					return
				}
				d.s.Skip()
			})
		case "metadata": // billed characters of a predict
			d.s.Skip()
		default:
			d.r.Extra = append(d.r.Extra, chat.Field{Dialect: name, Name: member, Value: d.raw()})
		}
	})
	if err := d.end(); err != nil {
		return nil, broken("it is no reply of vectors").Because(err)
	}
	if len(d.r.Vectors) == 0 {
		return nil, broken("it has no vectors")
	}
	if d.whole || d.counted == len(d.r.Vectors) {
		d.r.Usage = &chat.Usage{Input: d.tokens}
	}
	return d.r, nil
}

type embedReader struct {
	walker
	r       *chat.EmbedReply
	tokens  int64
	counted int  // vectors whose tokens are said
	whole   bool // the tokens of all of them are said
}

func (d *embedReader) prompt() {
	if n, ok := d.number().Int(); ok && n >= 0 {
		d.tokens, d.whole = n, true
	}
}

func (d *embedReader) vector() {
	var v chat.Vector
	d.object(func(member string, kind wire.Kind) {
		switch {
		case member == "values" && kind == wire.Array:
			v.Values = d.raw()
		case member == "statistics" && !d.whole:
			d.object(func(member string, _ wire.Kind) {
				if member != "tokenCount" {
					d.s.Skip()
					return
				}
				if n, ok := d.number().Int(); ok && n >= 0 {
					d.tokens += n
					d.counted++
				}
			})
		default:
			d.s.Skip()
		}
	})
	if v.Values == nil {
		d.refuse(fault.UpstreamError, "a vector without values")
	}
	d.r.Vectors = append(d.r.Vectors, v)
}
