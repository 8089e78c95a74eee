package chat

// Part is one piece of a message or reply: what it says, and what stands with it.
type Part struct {
	Content Content

	Cache *CacheMark // the prompt up to and with this part may be cached
	State *State     // opaque state minted with this part
	Item  string     // the vendor's own id of the item; parts of one item share it
	Extra Extra
}

// Content is what a part says. The set is closed: [Text], [Media], [ToolCall],
// [ToolResult], [Reasoning], [Refusal], [JSON] and [Native], each as a value.
// A switch over it refuses what it does not know, by name.
type Content interface{ Kind() Kind }

// Kind names a kind of content, as canonical JSON has it.
type Kind string

// The kinds.
const (
	KindText      Kind = "text"
	KindMedia     Kind = "media"
	KindCall      Kind = "tool_call"
	KindResult    Kind = "tool_result"
	KindReasoning Kind = "reasoning"
	KindRefusal   Kind = "refusal"
	KindJSON      Kind = "json"
	KindNative    Kind = "native"
)

// Text is prose, with what it cites and how likely its tokens were.
type Text struct {
	Text      string
	Citations []Citation
	Logprobs  []Logprob
}

// Refusal is the model's own words of refusal.
type Refusal struct {
	Text     string
	Logprobs []Logprob
}

// Reasoning is text of a model's reasoning, which may be empty: what matters
// to a later turn is the part's State. Redacted and encrypted blocks are
// Reasoning without text.
type Reasoning struct {
	Text    string
	Summary bool // a summary written for people, not the reasoning itself
}

// ToolCall is a model's call of a tool.
type ToolCall struct {
	ID        string // what a result refers to; minted by the decoder where the dialect has none
	Name      string
	Arguments string // JSON text as it was written, which need not be valid; of a custom tool free text
	Custom    bool   // of a tool with free-form input
}

// ToolResult is what a tool gave back, in a message of the user.
type ToolResult struct {
	CallID string
	Name   string // of the tool, where the dialect says it
	Parts  []Part // Text, JSON, Media or Native
	Error  bool
	Custom bool
}

// JSON is a structured value within a tool's result.
type JSON struct{ Value Raw }

// Native is a block that only its own dialect knows, whole: calls and results
// of hosted tools, guard content, searches.
type Native struct {
	Dialect string
	Type    string // the dialect's word for it
	Value   Raw
}

// Medium says what media holds.
type Medium string

// The media.
const (
	Image    Medium = "image"
	Document Medium = "document"
	Audio    Medium = "audio"
	Video    Medium = "video"
)

// Media is content that is not prose. Exactly one of Data, URL, FileID, Text
// and Parts says where it is.
type Media struct {
	Medium Medium
	Type   string // media type, lower case; empty: not stated
	Data   string // base64 as it was written, standard alphabet unless the dialect's own
	URL    string // https, gs or s3
	FileID string // of a file that the vendor keeps
	Text   string // a document that is plain text
	Parts  []Part // a document made of parts

	Name       string // file name or title
	Context    string // said of a document to the model, not cited
	Cite       bool   // the model is to cite from the document
	Detail     string // of an image: auto, low, high, original
	Transcript string // of a reply's audio
}

// State is what a vendor minted and alone can read. It goes back byte for
// byte, in its place, and only to its minter.
type State struct {
	Kind   StateKind `json:"kind"`
	Blob   string    `json:"blob"`            // as it was written
	Minter string    `json:"minter,omitzero"` // family that minted it (anthropic, openai:org, …); empty: not known
}

// StateKind says what a State vouches for.
type StateKind string

// The kinds of state.
const (
	SignedText StateKind = "signed_text" // a signature of the reasoning's text
	Redacted   StateKind = "redacted"    // reasoning that nobody may see
	Encrypted  StateKind = "encrypted"   // reasoning of a vendor that keeps none itself
	ThoughtSig StateKind = "thought_sig" // a signature on any part, above all on calls
)

// CacheMark is a point up to which a prompt may be cached.
type CacheMark struct {
	TTL string `json:"ttl,omitzero"` // 5m or 1h; empty: the vendor's default
}

// CitationKind says what a citation points at.
type CitationKind string

// The kinds of citation. Ranges of a source are characters, pages from 1,
// or blocks; the end is past the last but for pages of dialects that include it.
const (
	CiteURL    CitationKind = "url"
	CiteChars  CitationKind = "document_chars"
	CitePages  CitationKind = "document_pages"
	CiteBlocks CitationKind = "document_blocks"
	CiteFile   CitationKind = "file"
	CiteOther  CitationKind = "other" // only Native says what
)

// Citation is a source of a text.
type Citation struct {
	Kind   CitationKind `json:"kind"`
	URL    string       `json:"url,omitzero"`
	Title  string       `json:"title,omitzero"`
	Quote  string       `json:"quote,omitzero"`  // the source's own words
	Span   *Range       `json:"span,omitzero"`   // of the text that cites, in code points
	Source int          `json:"source,omitzero"` // index of the document among the request's
	Place  *Range       `json:"place,omitzero"`  // within the source
	File   string       `json:"file,omitzero"`
	Native *Field       `json:"native,omitzero"` // the whole, for its own dialect
}

// Range is half-open.
type Range struct {
	Start int64 `json:"start"`
	End   int64 `json:"end"`
}

// Logprob is one token and how likely it was.
type Logprob struct {
	Token   string    `json:"token"`
	Logprob Number    `json:"logprob"`
	Bytes   []int     `json:"bytes,omitempty"`
	Top     []Logprob `json:"top,omitempty"`
}

// Kind implements Content.
func (Text) Kind() Kind       { return KindText }
func (Refusal) Kind() Kind    { return KindRefusal }
func (Reasoning) Kind() Kind  { return KindReasoning }
func (ToolCall) Kind() Kind   { return KindCall }
func (ToolResult) Kind() Kind { return KindResult }
func (JSON) Kind() Kind       { return KindJSON }
func (Native) Kind() Kind     { return KindNative }
func (Media) Kind() Kind      { return KindMedia }

// Say is a part of text.
func Say(text string) Part { return Part{Content: Text{Text: text}} }

// Plain joins the text of parts, and says whether they hold nothing else.
func Plain(parts []Part) (text string, only bool) {
	only = true
	for _, p := range parts {
		if t, ok := p.Content.(Text); ok {
			text += t.Text
		} else {
			only = false
		}
	}
	return text, only
}
