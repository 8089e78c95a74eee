package chat

// ToolKind says how a tool is called.
type ToolKind string

// The kinds of tool.
const (
	Function   ToolKind = "function" // arguments by a JSON Schema
	CustomTool ToolKind = "custom"   // free-form input
	NativeTool ToolKind = "native"   // hosted by the vendor, known to one dialect
)

// Tool is a tool that the model may call.
type Tool struct {
	Kind        ToolKind   `json:"kind"`
	Name        string     `json:"name,omitzero"`
	Description string     `json:"description,omitzero"`
	Schema      Raw        `json:"schema,omitempty"`  // JSON Schema of the arguments
	Strict      *bool      `json:"strict,omitzero"`   // arguments follow the schema to the letter
	Grammar     Raw        `json:"grammar,omitempty"` // of a custom tool's input
	Native      *Field     `json:"native,omitzero"`   // the whole definition of a native tool; Name is its type
	Cache       *CacheMark `json:"cache,omitzero"`
	Extra       Extra      `json:"extra,omitempty"`
}

// ChoiceMode says whether the model calls tools.
type ChoiceMode string

// The modes of choice.
const (
	ChoiceAuto ChoiceMode = "auto"
	ChoiceNone ChoiceMode = "none"
	ChoiceAny  ChoiceMode = "any" // at least one call
	ChoiceOne  ChoiceMode = "one" // of the tool that is named
)

// ToolChoice is how the model is to choose. Names with Auto or Any are the
// subset it may choose from; with One there is exactly one.
type ToolChoice struct {
	Mode  ChoiceMode `json:"mode"`
	Names []string   `json:"names,omitempty"`
	Extra Extra      `json:"extra,omitempty"`
}

// FormatKind says what form the answer has.
type FormatKind string

// The forms.
const (
	FormatText   FormatKind = "text"
	FormatObject FormatKind = "json_object"
	FormatSchema FormatKind = "json_schema"
)

// Format is the form that the answer must have.
type Format struct {
	Kind        FormatKind `json:"kind"`
	Name        string     `json:"name,omitzero"`
	Description string     `json:"description,omitzero"`
	Schema      Raw        `json:"schema,omitempty"`
	Strict      *bool      `json:"strict,omitzero"`
	Extra       Extra      `json:"extra,omitempty"`
}

// ThinkingMode says whether the model reasons before it answers.
type ThinkingMode string

// The modes of thinking.
const (
	ThinkingOn       ThinkingMode = "enabled"
	ThinkingAdaptive ThinkingMode = "adaptive"
	ThinkingOff      ThinkingMode = "disabled"
)

// Thinking is how much the model is to reason and what is shown of it.
type Thinking struct {
	Mode    ThinkingMode `json:"mode,omitzero"`
	Effort  string       `json:"effort,omitzero"`  // none, minimal, low, medium, high, xhigh, max
	Budget  Number       `json:"budget,omitzero"`  // tokens; -1: the model decides
	Summary string       `json:"summary,omitzero"` // auto, concise, detailed
	Display string       `json:"display,omitzero"` // summarized, omitted
	Show    *bool        `json:"show,omitzero"`    // thoughts come with the answer
	Sealed  *bool        `json:"sealed,omitzero"`  // the reasoning comes encrypted, for a later turn
	Extra   Extra        `json:"extra,omitempty"`
}

// budgets are the budgets that stand for efforts where a dialect has only the
// other (reference: LiteLLM and agentgateway use the same, 2026).
var budgets = [...]struct {
	effort string
	tokens int64
}{{"minimal", 1024}, {"low", 1024}, {"medium", 2048}, {"high", 4096}, {"xhigh", 8192}, {"max", 16384}}

// BudgetOf gives the tokens that stand for an effort: 0 for none, and false
// for a word that is not known. Using it is an approximation, to be named.
func BudgetOf(effort string) (int64, bool) {
	for _, b := range budgets {
		if b.effort == effort {
			return b.tokens, true
		}
	}
	return 0, effort == "none"
}

// EffortOf gives the effort that stands for a budget. Using it is an
// approximation, to be named.
func EffortOf(tokens int64) string {
	if tokens == 0 {
		return "none"
	}
	for _, b := range budgets[1:] {
		if tokens <= b.tokens {
			return b.effort
		}
	}
	return "max"
}

// Sampling is how tokens are chosen and how many may come.
type Sampling struct {
	MaxTokens        Number            `json:"max_tokens,omitzero"`
	Temperature      Number            `json:"temperature,omitzero"`
	TopP             Number            `json:"top_p,omitzero"`
	TopK             Number            `json:"top_k,omitzero"`
	FrequencyPenalty Number            `json:"frequency_penalty,omitzero"`
	PresencePenalty  Number            `json:"presence_penalty,omitzero"`
	Seed             Number            `json:"seed,omitzero"`
	Stop             []string          `json:"stop,omitempty"`
	N                Number            `json:"n,omitzero"`
	Logprobs         *bool             `json:"logprobs,omitzero"`
	TopLogprobs      Number            `json:"top_logprobs,omitzero"`
	LogitBias        map[string]Number `json:"logit_bias,omitempty"`
}

// Caching is what is asked of the vendor's cache beside marks on parts.
type Caching struct {
	Auto      *CacheMark `json:"auto,omitzero"`      // the vendor places a mark itself
	Key       string     `json:"key,omitzero"`       // requests with one key share a cache
	Retention string     `json:"retention,omitzero"` // in_memory, 24h
	Resource  string     `json:"resource,omitzero"`  // a cached prompt that the vendor keeps
}
