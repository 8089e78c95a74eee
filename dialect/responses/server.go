package responses

import (
	"slices"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"bulkhead/chat"
	"bulkhead/wire"

	dialects "bulkhead/dialect"
)

// Server is the dialect on the caller's side. The zero Server does not say
// when a reply was complete.
type Server struct {
	Now func() time.Time // of completed_at; nil: null
}

var (
	_ dialects.Server      = Server{}
	_ dialects.CountServer = Server{}
)

// lenient reads what vendors send, whatever a strict reader would say.
var lenient = json.JoinOptions(jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true))

// Fields implements [dialects.Server].
func (Server) Fields() dialects.Fields { return fields }

// Decode implements [dialects.Server].
func (Server) Decode(in *dialects.Inbound, _ *wire.Scanner) (*chat.Request, error) {
	var q requestJSON
	if err := json.Unmarshal(in.Body, &q); err != nil {
		return nil, malformed("", err)
	}
	r := &chat.Request{
		Model: q.Model, Stream: q.Stream, Usage: true, Parallel: q.Parallel, Store: q.Store,
		User: q.User, SafetyID: q.SafetyID, Metadata: q.Metadata, Tier: q.Tier, Verbosity: q.Text.Verbosity,
		Cache:    chat.Caching{Key: q.CacheKey, Retention: q.Retention},
		Sampling: chat.Sampling{MaxTokens: q.MaxTokens, Temperature: q.Temperature, TopP: q.TopP, TopLogprobs: q.TopLogprobs},
	}
	if q.Instructions != "" {
		r.Instructions = []chat.Part{chat.Say(q.Instructions)}
	}
	var t thread
	if q.Input.text != nil {
		t.messages = []chat.Message{{Role: chat.User, Parts: []chat.Part{chat.Say(*q.Input.text)}}}
	}
	for i, raw := range q.Input.items {
		if err := t.item(i, raw); err != nil {
			return nil, err
		}
	}
	r.Messages = t.messages
	for i, raw := range q.Tools {
		tool, err := decodeTool(i, raw)
		if err != nil {
			return nil, err
		}
		r.Tools = append(r.Tools, tool)
	}
	var err error
	if r.Choice, err = decodeChoice(q.Choice); err != nil {
		return nil, err
	}
	if f := q.Text.Format; f != nil {
		if !formats[chat.FormatKind(f.Type)] {
			return nil, unsupported("text.format.type", f.Type)
		}
		r.Format = &chat.Format{Kind: chat.FormatKind(f.Type), Name: f.Name, Description: f.Description, Schema: f.Schema, Strict: f.Strict, Extra: extras(nil, "", f.Rest)}
	}
	r.Thinking = q.Reasoning.thinking()
	r.Extra = requestExtras(&q)
	decodeInclude(r, q.Include)
	return r, nil
}

// formats are the forms of an answer (TextResponseFormatConfiguration).
var formats = map[chat.FormatKind]bool{chat.FormatText: true, chat.FormatObject: true, chat.FormatSchema: true}

// decodeInclude takes from include what the hub can say; the rest is kept.
func decodeInclude(r *chat.Request, words []string) {
	var rest []string
	for _, word := range words {
		switch word {
		case sealedReasoning:
			if r.Thinking == nil {
				r.Thinking = &chat.Thinking{}
			}
			r.Thinking.Sealed = new(true)
		case logprobsWord:
			r.Sampling.Logprobs = new(true)
		default:
			rest = append(rest, word)
		}
	}
	if rest != nil {
		w := writer{}
		w.open('[')
		for _, word := range rest {
			w.next()
			w.quoted(word)
		}
		w.close(']')
		r.Extra = append(r.Extra, chat.Field{Dialect: own, Name: "include", Value: chat.Raw(w.b)})
	}
}

// thinking puts it into the hub, nil if nothing is said.
func (q *reasoningJSON) thinking() *chat.Thinking {
	t := chat.Thinking{Effort: q.Effort, Summary: q.Summary, Extra: extras(nil, "", q.Rest)}
	if t.Summary == "" {
		t.Summary = q.Generate
	}
	if t.Effort == "" && t.Summary == "" && t.Extra == nil {
		return nil
	}
	return &t
}

// defaults are fields that say nothing where they have this value.
var defaults = map[string]string{"background": "false", "truncation": `"disabled"`}

// requestExtras are the top-level fields that only the dialect knows.
func requestExtras(q *requestJSON) chat.Extra {
	x := extras(extras(nil, "", q.Rest), withinText, q.Text.Rest)
	return slices.DeleteFunc(x, func(f chat.Field) bool { return defaults[f.Name] == string(f.Value) })
}

// withinText precedes the name of a field of text that only the dialect knows.
const withinText = "text."

// CountReply implements [dialects.CountServer].
func (Server) CountReply(dst []byte, u *chat.Usage, _ *dialects.Answering) ([]byte, error) {
	w := writer{dst}
	w.b = append(w.b, '{')
	w.str("object", "response.input_tokens")
	w.int("input_tokens", u.Prompt())
	w.close('}')
	return w.b, nil
}
