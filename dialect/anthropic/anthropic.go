// Package anthropic is Anthropic's dialect, the Messages API with its counting
// of tokens, on both sides: what callers send and are sent ([Reader],
// [Server]), what vendors are sent and send ([Client]). Claude on Amazon
// Bedrock's InvokeModel and on Google's Vertex are the same dialect in other
// URLs: see [SurfaceInvoke] and [SurfaceVertex].
//
// It holds no connection. On InvokeModel events come in AWS frames, which are
// no part of it: [Events] reads and [NewStream] writes the events themselves.
// Requests are those of Anthropic's API description of 2026-05 and of its
// Python SDK of 2026-08-07; where they differ the SDK is newer and wins.
// docs/dialects/anthropic.md has the capabilities of law 1, the bytes that the
// relay lane may change, and the losses.
package anthropic

import (
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strings"

	"bulkhead/call"
	"bulkhead/wire"

	dialects "bulkhead/dialect"
)

// Reader, Server and Client are the three sides of the dialect. Each is ready
// as it is.
type (
	Reader struct{}
	Server struct{}
	Client struct{}
)

var (
	_ dialects.Reader        = Reader{}
	_ dialects.Server        = Server{}
	_ dialects.CountServer   = Server{}
	_ dialects.Client        = Client{}
	_ dialects.CountClient   = Client{}
	_ dialects.StreamEncoder = (*encoder)(nil)
	_ dialects.StreamDecoder = (*decoder)(nil)
	_ dialects.Request       = (*request)(nil)
)

// The surfaces of endpoints. Any other is the Messages API itself, whose
// endpoint's URL is what an SDK takes as base URL: https://api.anthropic.com.
const (
	// SurfaceInvoke is InvokeModel of Bedrock's runtime: model and streaming
	// stand in the path, versions and betas in the body.
	SurfaceInvoke = "invoke"
	// SurfaceVertex is rawPredict of Vertex: the model stands in the path.
	SurfaceVertex = "vertex"
)

// The versions of the API that the surfaces are asked for. Callers may ask for
// the newer one, which takes a little less (no temperature, top_p and top_k, no
// documents of the assistant's) and answers in the same words; the offering is
// then asked for it too (https://platform.claude.com/docs/en/api/versioning, 2026-11).
const (
	version       = "2023-06-01"
	versionNewer  = "2026-10-21"
	versionInvoke = "bedrock-2023-05-31"
	versionVertex = "vertex-2023-10-16"
)

// Headers that act as fields.
const (
	headerVersion = "Anthropic-Version"
	headerBeta    = "Anthropic-Beta"
	headerProfile = "Anthropic-User-Profile-Id"
)

// name of the dialect in extras and native blocks.
const name = string(dialects.Anthropic)

// path is where an action of an offering is served, under its endpoint's URL.
func path(to *dialects.Upstream, action call.Action, stream bool) string {
	count := action == call.CountTokens
	switch to.Surface {
	case SurfaceInvoke:
		// As Amazon's SDKs write it, so that what is signed is what is sent.
		model := "/model/" + strings.ReplaceAll(url.PathEscape(to.Model), ":", "%3A")
		switch {
		case count:
			return model + "/count-tokens"
		case stream:
			return model + "/invoke-with-response-stream"
		}
		return model + "/invoke"
	case SurfaceVertex:
		models := "/v1/projects/" + url.PathEscape(to.Project) + "/locations/" + url.PathEscape(to.Location) + "/publishers/anthropic/models/"
		switch {
		case count:
			return models + "count-tokens:rawPredict"
		case stream:
			return models + url.PathEscape(to.Model) + ":streamRawPredict"
		}
		return models + url.PathEscape(to.Model) + ":rawPredict"
	}
	if count {
		return "/v1/messages/count_tokens"
	}
	return "/v1/messages"
}

// header is what a surface needs beside Content-Type.
func header(to *dialects.Upstream, version string, betas []string, profile string) http.Header {
	h := http.Header{}
	if to.Surface == SurfaceInvoke {
		return h
	}
	if to.Surface != SurfaceVertex {
		h.Set(headerVersion, version)
	}
	if len(betas) > 0 {
		h.Set(headerBeta, strings.Join(betas, ","))
	}
	if profile != "" {
		h.Set(headerProfile, profile)
	}
	return h
}

// bodyVersion is what a surface has as anthropic_version; empty: it has none.
func bodyVersion(surface string) string {
	switch surface {
	case SurfaceInvoke:
		return versionInvoke
	case SurfaceVertex:
		return versionVertex
	}
	return ""
}

// betasOf gives the betas that a header names, in order, each once.
func betasOf(h http.Header) []string {
	var out []string
	for _, line := range h[textproto.CanonicalMIMEHeaderKey(headerBeta)] {
		for word := range strings.SplitSeq(line, ",") {
			if word = strings.TrimSpace(word); word != "" && !slices.Contains(out, word) {
				out = append(out, word)
			}
		}
	}
	return out
}

// text reads a string; anything else is passed over and gives "".
func text(s *wire.Scanner) string {
	if s.Next() != wire.String {
		s.Skip()
		return ""
	}
	span, escaped, _ := s.Text()
	if s.Failed() {
		return ""
	}
	if escaped {
		return string(wire.Unescape(nil, s.Slice(span)))
	}
	return string(s.Slice(span))
}
