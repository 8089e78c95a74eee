package sim_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"bulkhead/sim"
)

func BenchmarkServeHTTP(b *testing.B) {
	long := strings.Repeat("The harbour master of Port Alba wrote 12 lines about the tide. ", 1600)
	for name, body := range map[string]string{
		"unary small":  ask("gpt-4o", "Tell me about tides"),
		"unary 100 KB": ask("gpt-4o", long),
		"stream 100":   ask("gpt-4o", "Write 98 words [sim:words=98]", `"stream":true`),
	} {
		b.Run(name, func(b *testing.B) {
			s := sim.New(sim.Options{MaxRecords: 10})
			defer s.Close()
			b.ReportAllocs()
			for b.Loop() {
				r := httptest.NewRequest(http.MethodPost, "/v1/chat/completions", strings.NewReader(body))
				r.Header.Set("Authorization", "Bearer k")
				w := httptest.NewRecorder()
				s.ServeHTTP(w, r)
				if w.Code != http.StatusOK {
					b.Fatalf("%d %s", w.Code, w.Body)
				}
				io.Discard.Write(w.Body.Bytes())
			}
		})
	}
}
