//go:build unix

package gateway_test

import (
	"crypto/sha256"
	"syscall"
	"testing"
	"time"

	"bulkhead/call"
	"bulkhead/dialect"
	"bulkhead/dialect/openai"
	"bulkhead/inspect"
	"bulkhead/policy"
	"bulkhead/wire"
)

// smallCall is of about 300 bytes, as those of docs/speed.md.
const smallCall = `{"model":"chat","temperature":0.2,"max_tokens":256,"messages":[{"role":"system","content":"You help people who write letters. Be plain and short."},{"role":"user","content":"Please draft a letter that tells an applicant which papers are missing, and by which day they have to be here."}],"user":"desk-4"}`

// BenchmarkGates_SmallCall gives the processor time that mark and decide add to
// a small call: the reading of its text for marks, beyond the scan that any
// build needs, the call's marking, its verdict, and the binding of its permit.
func BenchmarkGates_SmallCall(b *testing.B) {
	e := estateOf("a", []string{"chat"}, offer{Name: "one", URL: "http://127.0.0.1:1"}, offer{Name: "two", URL: "http://127.0.0.1:2"}, offer{Name: "three", URL: "http://127.0.0.1:3"})
	register := e.Register()
	engine, problems := policy.Compile(e, policy.Options{Dialects: dialect.Carried(), Gates: policy.Built()})
	if engine == nil {
		b.Fatal(problems)
	}
	w := e.Workloads["w"]
	var scan wire.Scanner
	body, id := []byte(smallCall), call.NewID(time.Now(), nil)
	reader := inspect.New(register)
	listener := dialect.Listener{Text: reader.Scan, Name: reader.ScanName, Unread: func(m dialect.Medium) { reader.Unread(inspect.UnreadKind(m)) }}
	read := func(l dialect.Listener) *openai.Request {
		r, err := openai.Read(call.Chat, body, &scan, l)
		if err != nil {
			b.Fatal(err)
		}
		return r
	}
	gates := func(request *openai.Request) {
		m, err := engine.Mark(policy.Claim{Workload: w, Found: reader.Result().Label})
		if err != nil {
			b.Fatal(err)
		}
		banner := register.Banner(m.Effective)
		d := engine.Decide(policy.Question{Workload: w, Alias: w.Aliases[request.Alias], Label: m.Effective, Principal: policy.Principal{ID: "k"},
			Action: call.Chat, Dialect: "openai", Now: time.Now()})
		if d.Permit == nil {
			b.Fatal(d.Refusal)
		}
		d.Form()
		facts := sha256.Sum256([]byte(string(id) + "\n" + e.Digest + "\n" + w.Name + "\n" + request.Alias + "\n" + d.Permit.Purpose() + "\n" + banner))
		if _, err := d.Permit.Bind(id, facts); err != nil {
			b.Fatal(err)
		}
		reader.Reset()
	}
	alone := spent(b, func() { read(dialect.Listener{}) })
	whole := spent(b, func() { gates(read(listener)) })
	b.ReportMetric(0, "ns/op") // of both loops, which says nothing
	b.ReportMetric(alone, "scan-cpu-ns/call")
	b.ReportMetric(whole-alone, "gates-cpu-ns/call")
}

// spent is the processor time of a call of f, all threads of the process
// included, in nanoseconds.
func spent(b *testing.B, f func()) float64 {
	usage := func() time.Duration {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			b.Fatal(err)
		}
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	f()
	from := usage()
	for range b.N {
		f()
	}
	return float64((usage() - from).Nanoseconds()) / float64(b.N)
}
