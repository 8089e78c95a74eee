package sim

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
)

// The Responses API, as OpenAI, Azure and compatible servers have it, for what keeps no state: nothing that was said
// can be referred to later. What is sealed is verified: encrypted reasoning comes back only to the vendor that made it.

const (
	opResponses   operation = 100 + iota // POST /responses
	opInputTokens                        // POST /responses/input_tokens
)

// routeResponses gives the operation of a path under a version, opNone for any other.
func routeResponses(path string) route {
	switch path {
	case "/responses":
		return route{op: opResponses}
	case "/responses/input_tokens":
		return route{op: opInputTokens}
	}
	return route{}
}

// responses answers a request of the Responses API.
func (x *exchange) responses(asked object, m Model) *reply {
	v := x.vendor
	req, e := x.readResponses(asked, m)
	if e != nil {
		return v.refuse(e)
	}
	if x.route.op == opInputTokens {
		return &reply{status: http.StatusOK, body: encode(object{{"object", "response.input_tokens"}, {"input_tokens", measure(&req.chatRequest).n}})}
	}
	if v.Kind == Azure {
		if _, told := readPrompt(req.messages).directives["filter-prompt"]; told || x.fault.Filter == "prompt" {
			return v.filteredPrompt()
		}
	}
	req.filter = x.fault.Filter
	c := v.think(&req.chatRequest, func() string { return x.callID() })
	if x.tooLong(c, m) {
		return v.refuse(&apiError{http.StatusBadRequest, "invalid_request_error", "context_length_exceeded", "input",
			"Your input exceeds the context window of this model. Please adjust your input and try again."})
	}
	x.counted(c)
	w := x.responsesWire(req, c)
	if req.stream {
		return &reply{status: http.StatusOK, stream: w.stream(x.fault)}
	}
	return &reply{status: http.StatusOK, body: encode(w.response("completed", w.output()))}
}

// seal gives encrypted reasoning: anew each time, as the real vendor does, and known by its maker alone.
func (v *vendor) seal(d *dice) string {
	nonce := d.letters(24)
	return "gAAAAAB" + nonce + v.sealOf(nonce)
}

func (v *vendor) sealOf(nonce string) string {
	sum := sha256.Sum256([]byte("sealed by " + v.Name + " with " + nonce))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// opens says whether encrypted reasoning is this vendor's own.
func (v *vendor) opens(sealed string) bool {
	rest, ok := strings.CutPrefix(sealed, "gAAAAAB")
	return ok && len(rest) > 24 && rest[24:] == v.sealOf(rest[:24])
}

// notOurs refuses encrypted reasoning of another vendor's (as OpenAI was seen to in 2026).
func notOurs(sealed string) *apiError {
	ends := sealed
	if len(ends) > 8 {
		ends = ends[:4] + "..." + ends[len(ends)-4:]
	}
	return &apiError{http.StatusBadRequest, "invalid_request_error", "invalid_encrypted_content", "",
		fmt.Sprintf("The encrypted content %s could not be verified. Reason: Encrypted content could not be decrypted or parsed.", ends)}
}

// responsesFailure are the events of a stream that fails: the error, its members nested (as the live API sends it),
// and the reply, failed.
func (x *exchange) responsesFailure(n int, e *apiError) []byte {
	fault := object{{"type", "error"}, {"sequence_number", n}, {"error", object{
		{"type", e.typ}, {"code", orNull(e.code)}, {"message", e.message}, {"param", orNull(e.param)},
	}}}
	failed := object{{"type", "response.failed"}, {"sequence_number", n + 1}, {"response", object{
		{"id", "resp_" + x.id.hex(48)}, {"object", "response"}, {"status", "failed"},
		{"error", object{{"code", cmp.Or(e.code, "server_error")}, {"message", e.message}}}, {"output", []any{}},
	}}}
	return append(namedEvent(0, encode(fault)), namedEvent(0, encode(failed))...)
}

// namedEvent frames an event under the name of its type, which stands first in it.
func namedEvent(_ int, chunk []byte) []byte {
	name, _, _ := strings.Cut(strings.TrimPrefix(string(chunk), `{"type":"`), `"`)
	return append([]byte("event: "+name+"\n"), event(chunk)...)
}
