package sim

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
)

const (
	maxEmbeddingInputs = 2048
	maxEmbeddingTokens = 8192 // of one input
)

// embeddings answers a request for vectors.
func (x *exchange) embeddings(asked object, m Model) *reply {
	v := x.vendor
	f := fieldsOf(asked, "")
	if !v.acceptsUnknown() {
		v.refuseUnknown(f, []string{"dimensions", "encoding_format", "input", "model", "user", "input_type"})
	}
	inputs := readInputs(f)
	format := f.oneOf("encoding_format", "float", "base64")
	dimensions := m.Dimensions
	if n, ok := f.integer("dimensions", 1, m.Dimensions); ok {
		if m.FixedDimensions {
			f.invalid("dimensions", "unsupported_parameter", "This model does not support specifying dimensions.")
		}
		dimensions = n
	}
	f.str("user")
	if e := f.failed(); e != nil {
		return v.refuse(e)
	}
	data := make([]object, len(inputs))
	tokens := 0
	for i, in := range inputs {
		tokens += len(in)
		var vec any = vector(m, in, dimensions)
		if format == "base64" {
			vec = base64.StdEncoding.EncodeToString(littleEndian(vector(m, in, dimensions)))
		}
		data[i] = object{{"object", "embedding"}, {"index", i}, {"embedding", vec}}
	}
	rep := &reply{status: http.StatusOK, body: encode(object{
		{"object", "list"}, {"data", data}, {"model", m.Version}, {"usage", object{{"prompt_tokens", tokens}, {"total_tokens", tokens}}},
	})}
	if v.Kind == OpenAI {
		rep.set("Openai-Model", m.Version)
	}
	return rep
}

// readInputs gives the tokens of each input: a string, strings, token numbers, or lists of token numbers.
func readInputs(f fields) [][]string {
	in, ok := f.value("input")
	if !ok {
		f.missing("input")
		return nil
	}
	var out [][]string
	switch in := in.(type) {
	case string:
		out = [][]string{readInput(f, "input", in)}
	case []any:
		if len(in) == 0 {
			f.invalid("input", "empty_array", "Invalid 'input': empty array. Expected an array with minimum length 1, but got an empty array instead.")
			return nil
		}
		if _, numbers := in[0].(float64); numbers {
			return [][]string{readInput(f, "input", in)}
		}
		if len(in) > maxEmbeddingInputs {
			f.invalid("input", "array_above_max_length", fmt.Sprintf("Invalid 'input': array too long. Expected an array with maximum length %d, but got an array with length %d instead.", maxEmbeddingInputs, len(in)))
			return nil
		}
		for i, one := range in {
			out = append(out, readInput(f, fmt.Sprintf("input[%d]", i), one))
		}
	default:
		f.wrongType("input", "a string or an array", in)
	}
	return out
}

func readInput(f fields, path string, in any) []string {
	var tokens []string
	switch in := in.(type) {
	case string:
		tokens = Tokens(in)
	case []any:
		for _, n := range in {
			id, ok := n.(float64)
			if !ok || id != math.Trunc(id) || id < 0 {
				f.fail(wrongType(path, "an array of integers", n))
				return nil
			}
			tokens = append(tokens, "#"+strconv.Itoa(int(id)))
		}
	default:
		f.fail(wrongType(path, "a string or an array of integers", in))
		return nil
	}
	switch {
	case len(tokens) == 0:
		f.invalid(path, "", fmt.Sprintf("Invalid '%s': input cannot be an empty string.", path))
	case len(tokens) > maxEmbeddingTokens:
		f.invalid(path, "", fmt.Sprintf("This model's maximum context length is %d tokens, however you requested %d tokens.", maxEmbeddingTokens, len(tokens)))
	}
	return tokens
}

// vector makes the unit vector of tokens: the sum of a fixed direction for each token, so that texts with words in
// common lie near each other. Fewer dimensions are the beginning of the whole vector, scaled to length 1 again.
func vector(m Model, tokens []string, dimensions int) []float32 {
	sum := make([]float64, dimensions)
	seen := map[string]float64{}
	var order []string
	for _, t := range tokens {
		t = strings.ToLower(strings.TrimSpace(t))
		if seen[t] == 0 {
			order = append(order, t)
		}
		seen[t]++
	}
	for _, t := range order {
		d := diceFor("embedding", m.Version, t)
		weight := 1 + math.Log(seen[t])
		for i := range sum {
			sum[i] += weight * d.normal()
		}
	}
	length := 0.0
	for _, c := range sum {
		length += c * c
	}
	length = math.Sqrt(length)
	out := make([]float32, dimensions)
	for i, c := range sum {
		out[i] = float32(c / length)
	}
	return out
}

func littleEndian(v []float32) []byte {
	out := make([]byte, 0, 4*len(v))
	for _, c := range v {
		out = binary.LittleEndian.AppendUint32(out, math.Float32bits(c))
	}
	return out
}
