// Package gemini is Google's dialect: generateContent, streamGenerateContent,
// countTokens, embedContent and batchEmbedContents, as the Gemini API
// (generativelanguage.googleapis.com) and Vertex AI (aiplatform.googleapis.com)
// speak them: what a request asks for, what of its bytes must change on the
// way to an offering, and the ways to and from the hub.
//
// It holds no connection. [Reader] scans a request for the gates, [Server] is
// the caller's side, [Client] the vendor's. A stream is server-sent events, or
// with no alt=sse one JSON array that grows; both are read and written. Names
// are read in lowerCamelCase and in the protocol buffers' snake_case, as
// Google's servers do (https://protobuf.dev/programming-guides/json/, 2026).
//
// Fields are those of google.ai.generativelanguage.v1beta and
// google.cloud.aiplatform v1 and v1beta1 of 2026-08, and of the vendor's Go
// SDK 1.77. docs/dialects/gemini.md has the tables.
package gemini

import (
	"net/url"
	"strings"

	"bulkhead/call"
	"bulkhead/dialect"
)

// name is how the hub knows fields of this dialect.
const name = string(dialect.Gemini)

// Vertex is the surface of an endpoint that is Vertex AI. Any other is the
// Gemini API; an endpoint with a project is Vertex whatever its surface says.
const Vertex = "vertex"

// Reader scans requests for the gates. The zero Reader is ready.
type Reader struct{}

// Server is the dialect on the caller's side. The zero Server is ready.
type Server struct{}

// Client is the dialect on the vendor's side. The zero Client is ready.
type Client struct{}

var (
	_ dialect.Reader          = Reader{}
	_ dialect.Server          = Server{}
	_ dialect.EmbeddingServer = Server{}
	_ dialect.CountServer     = Server{}
	_ dialect.Client          = Client{}
	_ dialect.EmbeddingClient = Client{}
	_ dialect.CountClient     = Client{}
)

func vertex(to *dialect.Upstream) bool { return to.Surface == Vertex || to.Project != "" }

// The methods of a model, which stand behind its name in the path.
const (
	methodGenerate = "generateContent"
	methodStream   = "streamGenerateContent"
	methodCount    = "countTokens"
	methodEmbed    = "embedContent"
	methodEmbeds   = "batchEmbedContents"
	methodPredict  = "predict"
)

// chatMethod is the method that answers a conversation.
func chatMethod(a call.Action, stream bool) string {
	switch {
	case a == call.CountTokens:
		return methodCount
	case stream:
		return methodStream
	}
	return methodGenerate
}

// address is where an offering answers, under the URL of the service itself, that
// ends before the API's version.
func address(to *dialect.Upstream, method string, sse bool) string {
	version := to.APIVersion
	var b strings.Builder
	if vertex(to) {
		if version == "" {
			version = "v1beta1"
		}
		b.WriteString("/" + url.PathEscape(version) + "/")
	} else {
		if version == "" {
			version = "v1beta"
		}
		b.WriteString("/" + url.PathEscape(version) + "/")
	}
	for i, piece := range strings.Split(resource(to), "/") {
		if i > 0 {
			b.WriteByte('/')
		}
		b.WriteString(url.PathEscape(piece))
	}
	b.WriteString(":" + method)
	if sse {
		b.WriteString("?alt=sse")
	}
	return b.String()
}

// resource is the full name of an offering's model, as a body names it. An id
// with a slash (tunedModels/x, publishers/p/models/x, endpoints/7) is one
// already, or the end of one.
func resource(to *dialect.Upstream) string {
	id := to.Model
	if !vertex(to) {
		if strings.Contains(id, "/") {
			return id
		}
		return "models/" + id
	}
	if strings.HasPrefix(id, "projects/") {
		return id
	}
	if !strings.Contains(id, "/") {
		id = "publishers/google/models/" + id
	}
	return "projects/" + to.Project + "/locations/" + to.Location + "/" + id
}

// short is the last piece of a model's name, by which two are compared.
func short(model string) string { return model[strings.LastIndexByte(model, '/')+1:] }
