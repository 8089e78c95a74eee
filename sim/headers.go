package sim

import (
	"net/http"
	"strconv"
	"time"
)

// Limits that the pretend vendors state in their headers. They are figures to read, not enforced: a 429 is a fault.
const (
	limitRequests = 10000
	limitTokens   = 30000000
)

// vendorHeaders sets what a vendor sends with every reply, refusals included.
func (s *Sim) vendorHeaders(v *vendor, r *http.Request, h http.Header, id *dice, model string, status int, took time.Duration) {
	set := func(name, value string) { h.Set(name, value) }
	switch v.Kind {
	case OpenAI:
		set("X-Request-Id", "req_"+id.hex(32))
		set("Openai-Version", "2020-10-01")
		set("Openai-Organization", "org-simulated")
		set("Openai-Processing-Ms", strconv.FormatInt(max(took.Milliseconds(), 1), 10))
		set("Set-Cookie", "__cf_bm="+id.letters(40)+"; path=/; HttpOnly; Secure; SameSite=None")
		set("Cf-Ray", id.hex(16)+"-SIM")
	case Azure:
		request := id.uuid()
		set("Apim-Request-Id", request)
		set("X-Request-Id", id.uuid())
		set("X-Ms-Region", "East US 2")
		if client := r.Header.Get("X-Ms-Client-Request-Id"); client != "" {
			set("X-Ms-Client-Request-Id", client)
		}
		if status == http.StatusOK || status == http.StatusBadRequest { // the model was reached
			set("Cache-Control", "no-cache, must-revalidate")
			set("Azureml-Model-Session", "d001-20250930000000")
			set("X-Accel-Buffering", "no")
			set("X-Ms-Rai-Invoked", "true")
			set("X-Ms-Deployment-Name", model)
		}
	case Bedrock:
		set("X-Amzn-Requestid", id.uuid())
		return
	case Gemini: // no id and no limits: they are in the body
		set("Vary", "Origin, X-Origin, Referer")
		set("Server", "scaffolding on HTTPServer2")
		return
	case Anthropic:
		anthropicHeaders(h, "req_"+id.letters(24), status, s.opts.Now())
		return
	default:
		set("X-Request-Id", id.uuid())
		return
	}
	if status != http.StatusOK && status != http.StatusBadRequest && status != http.StatusTooManyRequests {
		return
	}
	remaining := limitRequests - 1
	if status == http.StatusTooManyRequests {
		remaining = 0
	}
	set("X-Ratelimit-Limit-Requests", strconv.Itoa(limitRequests))
	set("X-Ratelimit-Limit-Tokens", strconv.Itoa(limitTokens))
	set("X-Ratelimit-Remaining-Requests", strconv.Itoa(remaining))
	set("X-Ratelimit-Remaining-Tokens", strconv.Itoa(limitTokens-max(1, int(r.ContentLength)/4)))
	if v.Kind == OpenAI { // Azure leaves the resets out (recorded)
		set("X-Ratelimit-Reset-Requests", "6ms")
		set("X-Ratelimit-Reset-Tokens", "0s")
	}
}
