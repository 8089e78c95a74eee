package responses

import (
	"strings"

	"bulkhead/wire"
)

// kinds is a set of JSON kinds that a field may have.
type kinds uint8

const (
	object kinds = 1 << iota
	array
	text
	number
	integer
	boolean
	null
)

// has reports whether a value of kind k, with bytes b, is in the set.
func (ks kinds) has(k wire.Kind, b []byte) bool {
	switch k {
	case wire.Object:
		return ks&object != 0
	case wire.Array:
		return ks&array != 0
	case wire.String:
		return ks&text != 0
	case wire.Number:
		return ks&number != 0 || ks&integer != 0 && !strings.ContainsAny(string(b[:min(len(b), 32)]), ".eE")
	case wire.True, wire.False:
		return ks&boolean != 0
	case wire.Null:
		return ks&null != 0
	}
	return false
}

// String lists the set as a person would: "a string or null".
func (ks kinds) String() string {
	var words []string
	for i, w := range []string{"an object", "an array", "a string", "a number", "an integer", "a boolean", "null"} {
		if ks&(1<<i) != 0 {
			words = append(words, w)
		}
	}
	if n := len(words); n > 1 {
		return strings.Join(words[:n-1], ", ") + " or " + words[n-1]
	}
	return strings.Join(words, "")
}

// topFields are the top-level fields of a request and what they may hold
// (OpenAI API 2.3.0, CreateResponse).
var topFields = map[string]kinds{
	"background":             boolean | null,
	"context_management":     array | null,
	"conversation":           text | object | null,
	"include":                array | null,
	"input":                  text | array | null,
	"instructions":           text | null,
	"max_output_tokens":      integer | null,
	"max_tool_calls":         integer | null,
	"metadata":               object | null,
	"model":                  text,
	"moderation":             object | null,
	"parallel_tool_calls":    boolean | null,
	"previous_response_id":   text | null,
	"prompt":                 object | null,
	"prompt_cache_key":       text | null,
	"prompt_cache_options":   object | null,
	"prompt_cache_retention": text | null,
	"reasoning":              object | null,
	"safety_identifier":      text | null,
	"service_tier":           text | null,
	"store":                  boolean | null,
	"stream":                 boolean | null,
	"stream_options":         object | null,
	"temperature":            number | null,
	"text":                   object | null,
	"tool_choice":            text | object | null,
	"tools":                  array | null,
	"top_logprobs":           integer | null,
	"top_p":                  number | null,
	"truncation":             text | null,
	"user":                   text | null,
}

// countFields are those of a count of input tokens (TokenCountsBody).
var countFields = map[string]kinds{
	"conversation":         text | object | null,
	"input":                text | array | null,
	"instructions":         text | null,
	"model":                text | null,
	"parallel_tool_calls":  boolean | null,
	"personality":          text | null,
	"previous_response_id": text | null,
	"reasoning":            object | null,
	"text":                 object | null,
	"tool_choice":          text | object | null,
	"tools":                array | null,
	"truncation":           text | null,
}
