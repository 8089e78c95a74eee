package openai

import (
	"net/url"
	"strings"

	"bulkhead/call"
	"bulkhead/catalog"

	dialects "bulkhead/dialect"
)

// deployments is Azure's older surface, on which the URL names the model.
const deployments = "deployments"

// byURL reports whether the URL of a surface names the model.
func byURL(surface string) bool { return surface == deployments }

// Path is the path and query under an endpoint's URL at which an offering
// answers. On the surface v1 (OpenAI, compatible servers, Azure's v1) the URL
// ends where /chat/completions begins, and the body names the model. On Azure's
// deployments surface the URL is the resource's, with or without /openai; the
// path names the deployment and the query the api-version.
func Path(o *catalog.Offering, a call.Action) string {
	return path(&dialects.Upstream{Model: o.ID, URL: o.Endpoint.URL, Surface: o.Endpoint.Surface, APIVersion: o.Endpoint.APIVersion}, a)
}

func path(to *dialects.Upstream, a call.Action) string {
	path := "/chat/completions"
	if a == call.Embeddings {
		path = "/embeddings"
	}
	if byURL(to.Surface) {
		path = "/deployments/" + url.PathEscape(to.Model) + path
		if !strings.HasSuffix(strings.TrimSuffix(to.URL, "/"), "/openai") {
			path = "/openai" + path
		}
	}
	if to.APIVersion != "" {
		path += "?api-version=" + url.QueryEscape(to.APIVersion)
	}
	return path
}

// TargetOf is what an offering needs changed in a request's body.
func TargetOf(o *catalog.Offering) Target {
	return Target{
		Model:    o.ID,
		AskUsage: o.Endpoint.StreamUsage == "" || o.Endpoint.StreamUsage == "ask",
		Store:    o.Granted(call.Store),
		Omit:     byURL(o.Endpoint.Surface),
	}
}
