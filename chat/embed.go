package chat

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strconv"

	"github.com/go-json-experiment/json"
)

// EmbedRequest asks for the vectors of texts.
type EmbedRequest struct {
	Model      string  `json:"model,omitzero"`
	Inputs     []Input `json:"inputs,omitempty"`
	Dimensions Number  `json:"dimensions,omitzero"`
	Encoding   string  `json:"encoding,omitzero"` // float or base64; empty: float
	Purpose    string  `json:"purpose,omitzero"`  // the dialect's word for what the vectors are for
	User       string  `json:"user,omitzero"`
	Batch      bool    `json:"batch,omitzero"` // asked as a batch, and answered as one, whatever the number of inputs
	Extra      Extra   `json:"extra,omitempty"`
}

// Input is a text, or the tokens of one.
type Input struct {
	Text   string  `json:"text,omitzero"`
	Tokens []int64 `json:"tokens,omitempty"`
	Title  string  `json:"title,omitzero"`
}

// EmbedReply is one vector for each input, in order.
type EmbedReply struct {
	Model   string   `json:"model,omitzero"`
	Vectors []Vector `json:"vectors,omitempty"`
	Usage   *Usage   `json:"usage,omitzero"`
	Extra   Extra    `json:"extra,omitempty"`
}

// Vector is an embedding as it was written: a JSON array of numbers, or base64
// of little-endian 32-bit floats. Exactly one is set.
type Vector struct {
	Values Raw    `json:"values,omitempty"`
	Base64 string `json:"base64,omitzero"`
}

var errVector = errors.New("base64 that is no whole number of 32-bit floats")

// Array gives the vector as a JSON array: as written, or the shortest decimals
// that stand for the same floats.
func (v Vector) Array() (Raw, error) {
	if v.Base64 == "" {
		return v.Values, nil
	}
	b, err := base64.StdEncoding.DecodeString(v.Base64)
	if err != nil {
		return nil, fmt.Errorf("read a vector: %w", err)
	}
	if len(b)%4 != 0 {
		return nil, errVector
	}
	out := append(make(Raw, 0, 3*len(b)), '[')
	for i := 0; i < len(b); i += 4 {
		f := float64(math.Float32frombits(binary.LittleEndian.Uint32(b[i:])))
		if math.IsNaN(f) || math.IsInf(f, 0) {
			return nil, errVector
		}
		if i > 0 {
			out = append(out, ',')
		}
		out = strconv.AppendFloat(out, f, 'g', -1, 32)
	}
	return append(out, ']'), nil
}

// Encoded gives the vector as base64. WARNING: decimals beyond the precision
// of 32-bit floats are lost.
func (v Vector) Encoded() (string, error) {
	if v.Base64 != "" {
		return v.Base64, nil
	}
	var values []float64
	if err := json.Unmarshal(v.Values, &values); err != nil {
		return "", fmt.Errorf("read a vector: %w", err)
	}
	b := make([]byte, 0, 4*len(values))
	for _, f := range values {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(float32(f)))
	}
	return base64.StdEncoding.EncodeToString(b), nil
}
