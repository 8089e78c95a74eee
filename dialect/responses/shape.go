package responses

import (
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"bulkhead/chat"
)

// own is the dialect's name where the hub holds what only it can say.
const own = "responses"

// requestJSON is a request as it lies on the wire. What it does not name is
// kept in Rest, for its own dialect.
type requestJSON struct {
	Model        string            `json:"model"`
	Input        inputJSON         `json:"input"`
	Instructions string            `json:"instructions"`
	Tools        []chat.Raw        `json:"tools"`
	Choice       chat.Raw          `json:"tool_choice"`
	Parallel     *bool             `json:"parallel_tool_calls"`
	Text         textJSON          `json:"text"`
	Reasoning    reasoningJSON     `json:"reasoning"`
	Include      []string          `json:"include"`
	MaxTokens    chat.Number       `json:"max_output_tokens"`
	Temperature  chat.Number       `json:"temperature"`
	TopP         chat.Number       `json:"top_p"`
	TopLogprobs  chat.Number       `json:"top_logprobs"`
	Stream       bool              `json:"stream"`
	Store        *bool             `json:"store"`
	User         string            `json:"user"`
	SafetyID     string            `json:"safety_identifier"`
	Metadata     map[string]string `json:"metadata"`
	Tier         string            `json:"service_tier"`
	CacheKey     string            `json:"prompt_cache_key"`
	Retention    string            `json:"prompt_cache_retention"`
	Rest         chat.Raw          `json:",embed"`
}

type textJSON struct {
	Format    *formatJSON `json:"format"`
	Verbosity string      `json:"verbosity"`
	Rest      chat.Raw    `json:",embed"`
}

type formatJSON struct {
	Type        string   `json:"type"`
	Name        string   `json:"name"`
	Description string   `json:"description"`
	Schema      chat.Raw `json:"schema"`
	Strict      *bool    `json:"strict"`
	Rest        chat.Raw `json:",embed"`
}

type reasoningJSON struct {
	Effort   string   `json:"effort"`
	Summary  string   `json:"summary"`
	Generate string   `json:"generate_summary"` // the older name
	Rest     chat.Raw `json:",embed"`
}

// toolJSON is a tool that runs at the caller; hosted ones are kept whole.
type toolJSON struct {
	Type        string   `json:"type"`
	Name        string   `json:"name"`
	Description string   `json:"description"`
	Parameters  chat.Raw `json:"parameters"`
	Strict      *bool    `json:"strict"`
	Format      chat.Raw `json:"format"`
	Rest        chat.Raw `json:",embed"`
}

// inputJSON is the input: a text, or items.
type inputJSON struct {
	text  *string
	items []chat.Raw
}

// UnmarshalJSONFrom reads either form.
func (in *inputJSON) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	if d.PeekKind() == '"' {
		return json.UnmarshalDecode(d, &in.text)
	}
	return json.UnmarshalDecode(d, &in.items)
}

// itemJSON is an item of the types that the hub can say.
type itemJSON struct {
	Type      string      `json:"type"`
	Role      string      `json:"role"`
	ID        string      `json:"id"`
	Status    string      `json:"status"`
	Content   contentJSON `json:"content"`
	Phase     string      `json:"phase"`
	CallID    string      `json:"call_id"`
	Name      string      `json:"name"`
	Arguments string      `json:"arguments"`
	Input     string      `json:"input"`
	Output    contentJSON `json:"output"`
	Summary   []textPart  `json:"summary"`
	Encrypted string      `json:"encrypted_content"`
	Rest      chat.Raw    `json:",embed"`
}

// textPart is an entry of a reasoning item's summary.
type textPart struct {
	Text string `json:"text"`
}

// contentJSON is what an item says: a text, or parts.
type contentJSON struct {
	text  *string
	parts []partJSON
}

// UnmarshalJSONFrom reads either form.
func (c *contentJSON) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	if d.PeekKind() == '"' {
		return json.UnmarshalDecode(d, &c.text)
	}
	return json.UnmarshalDecode(d, &c.parts)
}

// partJSON is a content part of any type.
type partJSON struct {
	Type        string        `json:"type"`
	Text        string        `json:"text"`
	Refusal     string        `json:"refusal"`
	ImageURL    urlJSON       `json:"image_url"`
	FileID      string        `json:"file_id"`
	FileURL     string        `json:"file_url"`
	FileData    string        `json:"file_data"`
	Filename    string        `json:"filename"`
	Detail      string        `json:"detail"`
	Annotations []chat.Raw    `json:"annotations"`
	Logprobs    []logprobJSON `json:"logprobs"`
	Breakpoint  *struct {
		Mode string `json:"mode"`
	} `json:"prompt_cache_breakpoint"`
	Data   string     `json:"data"`
	Format string     `json:"format"`
	Audio  *soundJSON `json:"input_audio"`
	Rest   chat.Raw   `json:",embed"`
}

type soundJSON struct {
	Data   string `json:"data"`
	Format string `json:"format"`
}

// urlJSON is an address, or an object with one, as some servers accept.
type urlJSON string

// UnmarshalJSONFrom reads either form.
func (u *urlJSON) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	if d.PeekKind() == '{' {
		var o struct {
			URL string `json:"url"`
		}
		err := json.UnmarshalDecode(d, &o)
		*u = urlJSON(o.URL)
		return err
	}
	return json.UnmarshalDecode(d, (*string)(u))
}

type logprobJSON struct {
	Token   string        `json:"token"`
	Logprob chat.Number   `json:"logprob"`
	Bytes   []int         `json:"bytes"`
	Top     []logprobJSON `json:"top_logprobs"`
}

// logprobs puts them into the hub.
func logprobs(list []logprobJSON) []chat.Logprob {
	if len(list) == 0 {
		return nil
	}
	out := make([]chat.Logprob, len(list))
	for i, l := range list {
		out[i] = chat.Logprob{Token: l.Token, Logprob: l.Logprob, Bytes: l.Bytes, Top: logprobs(l.Top)}
	}
	return out
}

// usageJSON is what a call consumed. Counts that are absent are nil.
type usageJSON struct {
	Input   *int64 `json:"input_tokens"`
	Output  int64  `json:"output_tokens"`
	Total   int64  `json:"total_tokens"`
	InputOf *struct {
		Cached  int64    `json:"cached_tokens"`
		Written int64    `json:"cache_write_tokens"`
		Rest    chat.Raw `json:",embed"`
	} `json:"input_tokens_details"`
	OutputOf *struct {
		Reasoning int64    `json:"reasoning_tokens"`
		Rest      chat.Raw `json:",embed"`
	} `json:"output_tokens_details"`
	Rest chat.Raw `json:",embed"`
}

// usage puts it into the hub. One without input_tokens says nothing, and
// neither does one of zeros alone: no call is answered from no tokens.
func (u *usageJSON) usage() *chat.Usage {
	if u == nil || u.Input == nil || *u.Input == 0 && u.Output == 0 && u.Total == 0 {
		return nil
	}
	out := &chat.Usage{Output: count(u.Output), Extra: extras(nil, "", u.Rest)}
	if in := u.InputOf; in != nil {
		out.CacheRead, out.CacheWrite5m = count(in.Cached), count(in.Written)
		out.Extra = extras(out.Extra, withinInput, in.Rest)
	}
	if of := u.OutputOf; of != nil {
		out.Reasoning = count(of.Reasoning)
		out.Extra = extras(out.Extra, withinOutput, of.Rest)
	}
	out.Inclusive(count(*u.Input))
	// Some compatible servers leave reasoning out of output_tokens but not out
	// of the total: what was consumed is the larger count.
	out.Output = max(out.Output, count(u.Total)-out.Prompt())
	return out
}

// count keeps what a vendor counted within what can be added up.
func count(n int64) int64 { return min(max(0, n), 1<<50) }

// errorJSON is a vendor's error, of a reply that failed or in a stream.
type errorJSON struct {
	Code    word   `json:"code"`
	Message string `json:"message"`
	Type    word   `json:"type"`
	Param   word   `json:"param"`
}

// word is a string; what else stands in its place says nothing.
type word string

// UnmarshalJSONFrom reads a string and passes over anything else.
func (w *word) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	if d.PeekKind() != '"' {
		return d.SkipValue()
	}
	return json.UnmarshalDecode(d, (*string)(w))
}

// replyJSON is a reply. What of it echoes the request is not read; the rest
// that it does not name is kept for its own dialect.
type replyJSON struct {
	ID         string     `json:"id"`
	Status     string     `json:"status"`
	Created    chat.Raw   `json:"created_at"`
	Model      string     `json:"model"`
	Tier       string     `json:"service_tier"`
	Error      *errorJSON `json:"error"`
	Incomplete *struct {
		Reason string `json:"reason"`
	} `json:"incomplete_details"`
	Output []chat.Raw `json:"output"`
	Usage  *usageJSON `json:"usage"`
	Rest   chat.Raw   `json:",embed"`
}

// created gives the time in Unix seconds, 0 where there is none.
func (r *replyJSON) created() int64 {
	n, _, _ := strings.Cut(string(r.Created), ".")
	at, _ := chat.Number(n).Int()
	return max(0, at)
}

// extras adds the members of an object as fields of the dialect, but for those
// that are null.
func extras(x chat.Extra, prefix string, object chat.Raw) chat.Extra {
	if len(object) == 0 {
		return x
	}
	d := jsontext.NewDecoder(strings.NewReader(string(object)))
	if _, err := d.ReadToken(); err != nil {
		return x
	}
	for d.PeekKind() == '"' {
		name, err := d.ReadToken()
		if err != nil {
			return x
		}
		key := name.String()
		value, err := d.ReadValue()
		if err != nil {
			return x
		}
		if value.Kind() != 'n' {
			x = append(x, chat.Field{Dialect: own, Name: prefix + key, Value: value.Clone()})
		}
	}
	return x
}
