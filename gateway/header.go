package gateway

import (
	"net/http"
	"strconv"
	"strings"

	"bulkhead/catalog"
	"bulkhead/dialect"
	"bulkhead/fault"
)

// passUp are the caller's header fields that a vendor gets; all others stay.
var passUp = [...]string{"X-Client-Request-Id", "X-Ms-Client-Request-Id"}

// passDown are the vendor's header fields that the caller gets under their own
// names, beside the body's type.
var passDown = [...]string{
	"Openai-Processing-Ms", "Openai-Version", "Openai-Model",
	"X-Ms-Region", "X-Ms-Rai-Invoked", "X-Ms-Deployment-Name", "Azureml-Model-Session", "Azureml-Model-Group",
}

// passAside begin those that the caller gets under x-upstream-*, since they
// speak of the agency's account at the vendor and not of the caller's.
var passAside = [...]string{"X-Ratelimit-", "Retry-After"}

// upstreamHeader picks what of the caller's header goes to a vendor.
func upstreamHeader(h http.Header) [][2]string {
	var out [][2]string
	for _, name := range passUp {
		if v := h[name]; len(v) == 1 && visible(v[0]) {
			out = append(out, [2]string{name, v[0]})
		}
	}
	return out
}

// header sets what every reply carries.
func (s *serving) header() {
	h := s.w.Header()
	id := string(s.rec.ID)
	h["Bulkhead-Call"] = []string{id}
	h["X-Request-Id"] = []string{id}
	switch s.in.Dialect {
	case dialect.Anthropic:
		h["Request-Id"] = []string{id}
	case dialect.Bedrock:
		h["X-Amzn-Requestid"] = []string{id}
	}
	if s.in.Azure {
		h["Apim-Request-Id"] = []string{id}
		if v := s.r.Header["X-Ms-Client-Request-Id"]; len(v) == 1 && visible(v[0]) {
			h["X-Ms-Client-Request-Id"] = v
		}
	}
	if s.snapshot != nil {
		s.rec.Estate = s.snapshot.Estate.Digest
		h["Bulkhead-Estate"] = []string{s.rec.Estate}
	}
	h["Cache-Control"] = noStore
	h["X-Content-Type-Options"] = noSniff
}

var (
	noStore = []string{"no-store"}
	noSniff = []string{"nosniff"}
)

// answered sets what a reply says of the offering that gave it, and of what its
// dialect could not carry.
func (s *serving) answered(h http.Header, a *answer) {
	answered(h, a.offering, a.reply.Header)
	s.entry.setLoss(h, "Bulkhead-Loss")
	s.counted(h, a)
}

// answered sets what a reply says of the offering that gave it.
func answered(h http.Header, o *catalog.Offering, vendor http.Header) {
	h["Bulkhead-Offering"] = []string{o.Name}
	if id := vendorID(vendor); id != "" {
		h["X-Upstream-Request-Id"] = []string{id}
	}
	for _, name := range passDown {
		if v := vendor[name]; len(v) == 1 && visible(v[0]) {
			h[name] = v
		}
	}
	for name, v := range vendor {
		for _, prefix := range passAside {
			if strings.HasPrefix(name, prefix) && len(v) == 1 && visible(v[0]) {
				h["X-Upstream-"+strings.TrimPrefix(name, "X-")] = v
			}
		}
	}
}

// vendorID is the id under which the vendor knows the attempt, or empty.
func vendorID(h http.Header) string {
	for _, name := range [...]string{"X-Request-Id", "Apim-Request-Id", "X-Amzn-Requestid", "Request-Id"} {
		if v := h[name]; len(v) > 0 && len(v[0]) <= 128 && visible(v[0]) {
			return v[0]
		}
	}
	return ""
}

// visible reports whether a value is short and of visible ASCII and spaces, so
// that it can stand in a header and a record.
func visible(v string) bool {
	if len(v) > 256 {
		return false
	}
	for i := range len(v) {
		if v[i] < ' ' || v[i] > '~' {
			return false
		}
	}
	return true
}

// setRefusal sets what a refusal tells the caller's SDK.
func setRefusal(h http.Header, f *fault.Fault, retryable bool) {
	h["Bulkhead-Error"] = []string{string(f.Kind)}
	if !retryable {
		h["X-Should-Retry"] = []string{"false"}
	}
	if f.RetryAfter > 0 {
		seconds := int64((f.RetryAfter + 999_999_999) / 1_000_000_000)
		h["Retry-After"] = []string{strconv.FormatInt(max(1, seconds), 10)}
		h["Retry-After-Ms"] = []string{strconv.FormatInt(f.RetryAfter.Milliseconds(), 10)}
	}
}
