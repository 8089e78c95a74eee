package gateway_test

import "testing"

// The AWS SDK for Java, 2.54.14, fails a stream over HTTP/2 that ends with
// trailers: it reads a second status from them. Callers of that dialect get
// them there only if they say that they take them.
func TestTrailers_OfBedrockOverHTTP2AreAskedFor(t *testing.T) {
	for name, row := range map[string]struct {
		path, ask string
		h2        bool
		te        string
		want      string
	}{
		"bedrock over HTTP/2":                {speakers["bedrock"].streamPath, speakers["bedrock"].askStream, true, "", ""},
		"bedrock over HTTP/2, asking":        {speakers["bedrock"].streamPath, speakers["bedrock"].askStream, true, "trailers", "UNCLASSIFIED"},
		"bedrock over HTTP/1.1":              {speakers["bedrock"].streamPath, speakers["bedrock"].askStream, false, "", "UNCLASSIFIED"},
		"openai over HTTP/2, without asking": {speakers["openai"].streamPath, speakers["openai"].askStream, true, "", "UNCLASSIFIED"},
	} {
		t.Run(name, func(t *testing.T) {
			v := newVendor(t, func(x *visit) {
				x.Stream(streamType, speakers["openai"].stream)
				x.End()
			})
			r := start(t, crossed(t, "openai", v.URL))
			if row.h2 {
				r.useH2()
			}
			got := r.Post(row.path, row.ask, "Te", row.te)
			if got.Status != 200 || got.Err != nil || got.Header.Get("Bulkhead-Marking") != "UNCLASSIFIED" {
				t.Fatalf("got %d %v %v", got.Status, got.Err, got.Header)
			}
			if got := got.Trailer.Get("Bulkhead-Marking"); got != row.want {
				t.Errorf("got a trailer of the marking %q, want %q", got, row.want)
			}
		})
	}
}
