package chat

// Reply is a whole answer: what a stream of events folds to.
type Reply struct {
	ID          string   `json:"id,omitzero"` // the vendor's
	Model       string   `json:"model,omitzero"`
	Created     int64    `json:"created,omitzero"` // Unix seconds; zero: not said
	Tier        string   `json:"service_tier,omitzero"`
	Fingerprint string   `json:"fingerprint,omitzero"`
	Choices     []Choice `json:"choices,omitempty"`
	Usage       *Usage   `json:"usage,omitzero"` // nil: not known, which is never zero
	Extra       Extra    `json:"extra,omitempty"`
}

// Choice is one of the answers asked for.
type Choice struct {
	Parts  []Part `json:"parts,omitempty"`
	Ending Ending `json:"ending,omitzero"`
}

// Ending says why an answer ends.
type Ending struct {
	Reason   Reason `json:"reason"`
	Sequence string `json:"stop_sequence,omitzero"` // that fired, where it is known
	Said     string `json:"said,omitzero"`          // the vendor's own word for the reason
	Extra    Extra  `json:"extra,omitempty"`
}

// Reason is why an answer ends.
type Reason string

// The reasons.
const (
	ReasonStop     Reason = "stop"           // the model is done
	ReasonSequence Reason = "stop_sequence"  // a stop sequence of the caller's
	ReasonLength   Reason = "length"         // the limit on tokens
	ReasonContext  Reason = "context_length" // the model's window is full
	ReasonTool     Reason = "tool_call"      // the model waits for results
	ReasonFilter   Reason = "content_filter" // a filter of the vendor's
	ReasonRefusal  Reason = "refusal"        // the model refuses
	ReasonPause    Reason = "pause"          // send the turn again to go on
	ReasonBroken   Reason = "broken"         // the model's output was malformed
)

var reasons = map[Reason]bool{ReasonStop: true, ReasonSequence: true, ReasonLength: true, ReasonContext: true, ReasonTool: true, ReasonFilter: true, ReasonRefusal: true, ReasonPause: true, ReasonBroken: true}

// Usage is what a call consumed, in tokens. The counters of the prompt exclude
// each other (Input, CacheRead, CacheWrite5m, CacheWrite1h, ToolPrompt), so
// that none is billed twice; Output includes Reasoning. The modal counters say
// what of the prompt (audio, images) or of the output (audio, images) is not
// text; they are included in the others.
type Usage struct {
	Input        int64 `json:"input"`
	CacheRead    int64 `json:"cache_read,omitzero"`
	CacheWrite5m int64 `json:"cache_write_5m,omitzero"` // also writes whose life is not said
	CacheWrite1h int64 `json:"cache_write_1h,omitzero"`
	ToolPrompt   int64 `json:"tool_prompt,omitzero"` // what hosted tools put into the prompt
	Output       int64 `json:"output"`
	Reasoning    int64 `json:"reasoning,omitzero"`

	InputAudio  int64 `json:"input_audio,omitzero"`
	InputImage  int64 `json:"input_image,omitzero"`
	InputVideo  int64 `json:"input_video,omitzero"`
	OutputAudio int64 `json:"output_audio,omitzero"`
	OutputImage int64 `json:"output_image,omitzero"`

	Accepted int64 `json:"accepted_prediction,omitzero"`
	Rejected int64 `json:"rejected_prediction,omitzero"`

	Extra Extra `json:"extra,omitempty"`
}

// Prompt is the whole prompt, cached tokens included, as OpenAI and Gemini count.
func (u *Usage) Prompt() int64 { return u.Input + u.CacheRead + u.CacheWrite() + u.ToolPrompt }

// CacheWrite is what was written to caches of either life.
func (u *Usage) CacheWrite() int64 { return u.CacheWrite5m + u.CacheWrite1h }

// Total is prompt and output.
func (u *Usage) Total() int64 { return u.Prompt() + u.Output }

// Inclusive sets Input from a prompt that was counted with its cached tokens;
// the other counters of the prompt are set before. It never goes below zero.
func (u *Usage) Inclusive(prompt int64) {
	u.Input = max(0, prompt-u.CacheRead-u.CacheWrite()-u.ToolPrompt)
}

// negative reports whether any counter is.
func (u *Usage) negative() bool {
	return min(u.Input, u.CacheRead, u.CacheWrite5m, u.CacheWrite1h, u.ToolPrompt, u.Output, u.Reasoning,
		u.InputAudio, u.InputImage, u.InputVideo, u.OutputAudio, u.OutputImage, u.Accepted, u.Rejected) < 0
}
