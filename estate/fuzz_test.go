package estate_test

import (
	"bytes"
	"path/filepath"
	"testing"
	"unicode/utf8"

	"bulkhead/catalog"
	"bulkhead/estate"
)

// FuzzLoad gives the loader any bytes in place of any file. It must not panic,
// every fault must say where and what to write, and an estate without faults
// must be whole and read the same twice.
func FuzzLoad(f *testing.F) {
	names := []string{"enclave.yaml", "vendors/openai.yaml", "clouds/aws.yaml", "contracts/jwcc.yaml", "workloads/letters.yaml",
		"exclusions/order.yaml", "policies/a.cedar", "tables/a.yaml"}
	files := everyField(f)
	for i, name := range names {
		f.Add(uint8(i), files[name])
	}
	cases, err := filepath.Glob("testdata/faults/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, c := range cases {
		edited := base(f)
		_, parts := sections(f, c)
		for line := range bytes.Lines([]byte(parts[0].data)) {
			if err := edit(edited, string(bytes.TrimSpace(line))); err != nil {
				f.Fatal(err)
			}
		}
		for i, name := range names {
			if data, ok := edited[name]; ok && !bytes.Equal(data, base(f)[name]) {
				f.Add(uint8(i), data)
			}
		}
	}
	for _, s := range []string{"", "\x00", "\ufeffa: b", "a: &a [*a]", "? ? ? a", "{{{{", "- - - -", "%TAG ! x\n---\n!a b", "a: |\n  \x85", "a: \"\\x00\"", "---\n---\n", "!!binary x: y", "<<: [*x]", "\xff\xfea\x00"} {
		f.Add(uint8(0), []byte(s))
		f.Add(uint8(7), []byte(s))
	}
	f.Fuzz(func(t *testing.T, which uint8, data []byte) {
		files := everyField(t)
		files[names[int(which)%len(names)]] = data
		est, report := estate.Parse(files)
		for _, m := range report.Faults {
			if m.File == "" || m.Message == "" || m.Hint == "" || m.Code == "" || !utf8.ValidString(m.String()) {
				t.Fatalf("half a fault: %+v", m)
			}
		}
		if (est == nil) != (len(report.Faults) > 0) {
			t.Fatalf("estate is nil: %v, with %d faults", est == nil, len(report.Faults))
		}
		if est == nil {
			return
		}
		whole(t, est)
		again, second := estate.Parse(files)
		if again == nil || second.Digest != report.Digest || !bytes.Equal(second.Canonical(), report.Canonical()) {
			t.Fatal("the second reading differs from the first")
		}
	})
}

// whole checks what the types of a catalogue promise and do not hold.
func whole(t *testing.T, est *catalog.Estate) {
	t.Helper()
	if est.Enclave.Name == "" || est.Enclave.Domain == "" || len(est.Enclave.Territory) == 0 {
		t.Fatalf("enclave is not whole: %+v", est.Enclave)
	}
	for i, o := range est.Offerings {
		if o.Index != i || o.Model == nil || o.Endpoint == nil || o.ID == "" || len(o.Regions) == 0 || o.Enablement.State == "" {
			t.Fatalf("offering %d is not whole: %+v", i, o)
		}
		if i > 0 && est.Offerings[i-1].Name >= o.Name {
			t.Fatalf("offerings %q and %q are out of order", est.Offerings[i-1].Name, o.Name)
		}
	}
	for _, e := range est.Endpoints {
		if e.URL == "" || e.Dialect == "" || e.Surface == "" || e.StreamUsage == "" || e.HTTP == 0 || e.Auth.Kind == "" {
			t.Fatalf("endpoint is not whole: %+v", e)
		}
	}
	for name, w := range est.Workloads {
		if name != w.Name || w.Delivery == "" || w.UnknownFields == "" || len(w.Purposes) == 0 || len(w.Aliases) == 0 || w.Audience.Subject.Clearance == "" {
			t.Fatalf("workload is not whole: %+v", w)
		}
		for _, a := range w.Aliases {
			if len(a.Models) == 0 {
				t.Fatalf("alias %q has no model", a.Name)
			}
		}
	}
}
