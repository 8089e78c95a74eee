package sim

import (
	"cmp"
	"slices"
	"strings"
)

// Kind says whose wire a vendor speaks.
type Kind string

// The kinds of vendor.
const (
	// OpenAI is api.openai.com: /v1/… with a bearer key.
	OpenAI Kind = "openai"
	// Azure is an Azure OpenAI resource: /openai/deployments/{deployment}/…?api-version=… and /openai/v1/…, with
	// api-key or a bearer token. A model's ID is the deployment's name.
	Azure Kind = "azure"
	// Bedrock is Bedrock's runtime with a bearer key: its OpenAI-compatible surface under /openai/v1/…, and Converse
	// under /model/{id}/….
	Bedrock Kind = "bedrock"
	// Compatible is a server that others wrote to OpenAI's wire (DeepSeek, vLLM, llama.cpp): /v1/…, a key only if one
	// is set, unknown fields ignored, reasoning shown as reasoning_content.
	Compatible Kind = "compatible"
)

func kinds() []Kind { return []Kind{OpenAI, Azure, Bedrock, Compatible, Gemini, Anthropic} }

func kindList() string {
	var names []string
	for _, k := range kinds() {
		names = append(names, string(k))
	}
	return strings.Join(names, ", ")
}

func (k Kind) known() bool { return slices.Contains(kinds(), k) }

// basePath is what stands before "/chat/completions" (for Azure, before "/openai").
func (k Kind) basePath() string {
	switch k {
	case Azure, Anthropic:
		return ""
	case Bedrock:
		return "/openai/v1"
	case Gemini:
		return ""
	default:
		return "/v1"
	}
}

// Vendor is one pretend vendor.
type Vendor struct {
	// Name tells it from the others; it stands in its URL and in the record.
	Name string
	Kind Kind
	// Key is the credential it expects; empty means that of [Options].
	Key string
	// Models it offers; nil means the default models of its kind.
	Models []Model
	// AcceptUnknownFields makes it ignore top-level fields it does not know. OpenAI and Azure refuse them; compatible
	// servers and Bedrock always accept them.
	AcceptUnknownFields bool
}

// Model is one model of a vendor. Only ID must be given; what is left out is guessed from it as a person would
// ("text-embedding-…" embeds, "gpt-5…" reasons).
type Model struct {
	// ID is what a caller asks for; at Azure the deployment's name.
	ID string
	// Version is what replies give as model; empty means ID.
	Version string
	// Embeds says that it serves embeddings and not chat.
	Embeds bool
	// Dimensions of its vectors; 0 means 1536.
	Dimensions int
	// FixedDimensions says that it refuses the dimensions parameter.
	FixedDimensions bool
	// Reasons says that it spends reasoning tokens and takes max_completion_tokens but not max_tokens.
	Reasons bool
	// Audio says that it can answer in sound.
	Audio bool
	// Context is its window in tokens; 0 means 128000.
	Context int
}

// DefaultVendors is one vendor of each kind, named after it, each with the default models of its kind.
func DefaultVendors() []Vendor {
	var out []Vendor
	for _, k := range kinds() {
		out = append(out, Vendor{Name: string(k), Kind: k})
	}
	return out
}

func defaultModels(k Kind) []Model {
	switch k {
	case Gemini:
		return geminiModels()
	case Anthropic:
		return anthropicModels()
	case Bedrock:
		return []Model{{ID: "openai.gpt-oss-20b-1:0"}, {ID: "openai.gpt-oss-120b-1:0"}, {ID: "anthropic.claude-sonnet-4-5-20250929-v1:0", Context: 200000}}
	case Compatible:
		return []Model{
			{ID: "llama-3.3-70b"}, {ID: "deepseek-v4-pro", Reasons: true},
			{ID: "nomic-embed-text-v1.5", Embeds: true, Dimensions: 768},
		}
	default:
		return []Model{
			{ID: "gpt-4o", Version: "gpt-4o-2024-08-06"}, {ID: "gpt-4o-2024-08-06"},
			{ID: "gpt-4o-mini", Version: "gpt-4o-mini-2024-07-18"},
			{ID: "gpt-4o-audio-preview", Version: "gpt-4o-audio-preview-2025-06-03"},
			{ID: "gpt-4o-mini-search-preview", Version: "gpt-4o-mini-search-preview-2025-03-11"},
			{ID: "gpt-5", Version: "gpt-5-2025-08-07", Context: 400000},
			{ID: "gpt-5-nano", Version: "gpt-5-nano-2025-08-07", Context: 400000},
			{ID: "gpt-5.4", Context: 400000},
			{ID: "text-embedding-3-small"}, {ID: "text-embedding-3-large", Dimensions: 3072},
			{ID: "text-embedding-ada-002", FixedDimensions: true},
		}
	}
}

// filled returns m with what it left out guessed from its id.
func (m Model) filled(k Kind) Model {
	if m.Version == "" {
		m.Version = m.ID
		if k == Azure && strings.HasSuffix(m.ID, "ada-002") {
			m.Version = "ada" // the short name that Azure's replies have (recorded)
		}
	}
	has := func(part string) bool { return strings.Contains(m.ID, part) }
	m.Embeds = m.Embeds || has("embed")
	if !m.Embeds && (k == OpenAI || k == Azure) {
		m.Reasons = m.Reasons || has("gpt-5") || strings.HasPrefix(m.ID, "o1") || strings.HasPrefix(m.ID, "o3") || strings.HasPrefix(m.ID, "o4")
	}
	m.Audio = m.Audio || has("audio")
	m.Dimensions = cmp.Or(m.Dimensions, 1536)
	m.Context = cmp.Or(m.Context, 128000)
	return m
}

// vendor is a Vendor at work.
type vendor struct {
	Vendor
	cache promptCache
}

func newVendor(v Vendor, key string) *vendor {
	v.Key = cmp.Or(v.Key, key)
	if v.Models == nil {
		v.Models = defaultModels(v.Kind)
	}
	models := make([]Model, len(v.Models))
	for i, m := range v.Models {
		models[i] = m.filled(v.Kind)
	}
	v.Models = models
	return &vendor{Vendor: v}
}

func (v *vendor) model(id string) (Model, bool) {
	i := slices.IndexFunc(v.Models, func(m Model) bool { return m.ID == id })
	if i < 0 {
		return Model{}, false
	}
	return v.Models[i], true
}

// acceptsUnknown says whether top-level fields it does not know are ignored rather than refused.
func (v *vendor) acceptsUnknown() bool {
	return v.AcceptUnknownFields || v.Kind == Compatible || v.Kind == Bedrock
}

// operation is what a path asks for.
type operation int

const (
	opNone operation = iota
	opChat
	opEmbeddings
	opModels
	opModel
)

// route is a path understood.
type route struct {
	op         operation
	model      string // of opModel, and the deployment of Azure's older surface
	deployment bool   // Azure's older surface: model is in the path, api-version is required
	gemini     geminiRoute
	dated      bool // Azure's older surface without a deployment: api-version is required, the model is in the body
	vertex     bool // Claude on Vertex: model is in the path, and whether it streams
	streams    bool
	counts     bool // Converse: the tokens of what would be asked
}

func (v *vendor) route(path string) route {
	// Azure clients are seen to send "//openai/…" when the endpoint ends in a slash (recorded); Azure serves it.
	path = "/" + strings.TrimLeft(path, "/")
	switch v.Kind {
	case Azure:
		if rest, ok := strings.CutPrefix(path, "/openai/deployments/"); ok {
			name, rest, _ := strings.Cut(rest, "/")
			r := routeOf("/" + rest)
			if r.op != opChat && r.op != opEmbeddings {
				return route{}
			}
			return route{op: r.op, model: name, deployment: true}
		}
		if rest, ok := strings.CutPrefix(path, "/openai"); ok && routeResponses(rest).op != opNone {
			return route{op: routeResponses(rest).op, dated: true}
		}
		return routeUnder(path, "/openai/v1")
	case Bedrock:
		if r := routeConverse(path); r.op != opNone {
			return r
		}
		r := routeUnder(path, "/openai/v1")
		if r.op == opEmbeddings || r.op == opResponses || r.op == opInputTokens {
			return route{} // Bedrock has no embeddings on this surface, and no responses on this host
		}
		return r
	case Gemini:
		return routeGemini(path)
	case Anthropic:
		return routeAnthropic(path)
	case Compatible:
		if r := routeUnder(path, "/v1"); r.op != opNone {
			return r
		}
		return routeOf(path) // some serve without the version, as DeepSeek does (recorded)
	default:
		return routeUnder(path, "/v1")
	}
}

func routeUnder(path, prefix string) route {
	rest, ok := strings.CutPrefix(path, prefix)
	if !ok {
		return route{}
	}
	return routeOf(rest)
}

func routeOf(path string) route {
	switch path {
	case "/chat/completions":
		return route{op: opChat}
	case "/embeddings":
		return route{op: opEmbeddings}
	case "/models":
		return route{op: opModels}
	}
	if id, ok := strings.CutPrefix(path, "/models/"); ok && id != "" {
		return route{op: opModel, model: id}
	}
	return routeResponses(path)
}
