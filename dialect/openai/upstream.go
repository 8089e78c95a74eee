package openai

import (
	"net/url"
	"strings"

	"bulkhead/call"
	"bulkhead/catalog"
)

// Path is the path and query under an endpoint's URL at which an offering
// answers. On the surface v1 (OpenAI, compatible servers, Azure's v1) the URL
// ends where /chat/completions begins, and the body names the model. On Azure's
// deployments surface the URL is the resource's, with or without /openai; the
// path names the deployment and the query the api-version.
func Path(o *catalog.Offering, a call.Action) string {
	path := "/chat/completions"
	if a == call.Embeddings {
		path = "/embeddings"
	}
	if o.Endpoint.Surface == "deployments" {
		path = "/deployments/" + url.PathEscape(o.ID) + path
		if !strings.HasSuffix(strings.TrimSuffix(o.Endpoint.URL, "/"), "/openai") {
			path = "/openai" + path
		}
	}
	if v := o.Endpoint.APIVersion; v != "" {
		path += "?api-version=" + url.QueryEscape(v)
	}
	return path
}

// TargetOf is what an offering needs changed in a request's body.
func TargetOf(o *catalog.Offering) Target {
	return Target{
		Model:    o.ID,
		AskUsage: o.Endpoint.StreamUsage == "" || o.Endpoint.StreamUsage == "ask",
		Store:    o.Granted(call.Store),
		Omit:     o.Endpoint.Surface == "deployments",
	}
}
