package verify_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	mathrand "math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"bulkhead/ledger/tiles"
	"bulkhead/ledger/verify"
)

const origin = "ledger.example.gov/test"

// forger makes logs of any content, as who holds the signing key could.
type forger struct {
	signers []note.Signer
	keys    string
}

func newForger(t testing.TB) *forger {
	t.Helper()
	private, public, err := note.GenerateKey(rand.Reader, origin)
	if err != nil {
		t.Fatal(err)
	}
	one, err := note.NewSigner(private)
	if err != nil {
		t.Fatal(err)
	}
	der, err := tiles.GenerateP384()
	if err != nil {
		t.Fatal(err)
	}
	two, err := tiles.NewP384Signer(origin, der)
	if err != nil {
		t.Fatal(err)
	}
	return &forger{[]note.Signer{one, two}, public + "\n" + two.VerifierKey() + "\n"}
}

type files map[string][]byte

func (f files) read(path string) ([]byte, error) {
	if b, ok := f[path]; ok {
		return b, nil
	}
	return nil, fs.ErrNotExist
}

// log makes the files of a log of these entries.
func (f *forger) log(t testing.TB, entries []string) files {
	t.Helper()
	out := files{tiles.KeysPath: []byte(f.keys)}
	edge, bundle, n := &tiles.Edge{}, []byte(nil), int64(0)
	for _, e := range entries {
		bundle = tiles.AppendEntry(bundle, []byte(e))
		edge.Add(tlog.RecordHash([]byte(e)), func(level int, n int64, tile []byte) {
			out[tiles.Resource{Level: level, N: n, Width: tiles.Width}.Path()] = bytes.Clone(tile)
		})
		if n++; n%tiles.Width == 0 {
			out[tiles.EntriesPath(n/tiles.Width-1, n)] = bundle
			bundle = nil
		}
	}
	if len(bundle) > 0 {
		out[tiles.EntriesPath(n/tiles.Width, n)] = bundle
	}
	for level, tile := range edge.Levels {
		if len(tile) > 0 {
			out[tiles.TilePath(level, n>>(8*(level+1)), n)] = bytes.Clone(tile)
		}
	}
	root, err := edge.Root()
	if err != nil {
		t.Fatal(err)
	}
	out[tiles.CheckpointPath], err = tiles.Checkpoint{Origin: origin, Size: n, Root: root}.Sign(f.signers...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

const at = `"at":"2026-11-22T11:00:00.000000Z"`

// story is a log of calls, each of four entries.
func story(calls int) []string {
	out := []string{`{` + at + `,"kind":"start","last":"none","v":1}`}
	for i := range calls {
		out = append(out, oneCall(int64(len(out)), fmt.Sprintf("c%d", i), "complete")...)
	}
	return out
}

func oneCall(i int64, id, ended string) []string {
	return []string{
		fmt.Sprintf(`{%s,"call":"%s","kind":"admission","marking":{"effective":{"level":"U"}},"permit":{"count":2,"digest":"sha256:00","offerings":["east/gpt","west/gpt"]},"principal":"k","size":100,"v":1,"workload":"letters"}`, at, id),
		fmt.Sprintf(`{"admission":%d,%s,"attempt":1,"call":"%s","endpoint":"east","kind":"attempt-start","offering":"east/gpt","previous":%d,"sent":"hmac-sha256:00","v":1}`, i, at, id, i),
		fmt.Sprintf(`{"admission":%d,%s,"attempt":1,"call":"%s","kind":"attempt-end","previous":%d,"status":200,"took_us":1000,"v":1}`, i, at, id, i+1),
		fmt.Sprintf(`{"admission":%d,%s,"attempt":1,"call":"%s","ended":"%s","kind":"outcome","previous":%d,"size":10,"status":200,"v":1}`, i, at, id, ended, i+2),
	}
}

func run(t testing.TB, f files, o verify.Options) *verify.Report {
	t.Helper()
	r, err := verify.Log(t.Context(), f.read, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestLog_HoldsAtEverySize(t *testing.T) {
	f := newForger(t)
	for _, calls := range []int{0, 1, 63, 64, 65, 127, 128, 700} {
		entries := story(calls)
		r := run(t, f.log(t, entries), verify.Options{})
		if r.Fault != nil || r.Size != int64(len(entries)) || r.Kinds["outcome"] != int64(calls) || r.Protected() {
			t.Errorf("%d calls: %+v", calls, r)
		}
	}
}

// TestLog_FindsAnyChangedByte changes each byte of each file once, by one bit.
func TestLog_FindsAnyChangedByte(t *testing.T) {
	f := newForger(t)
	whole := f.log(t, story(70)) // more than one bundle, two levels
	rng := mathrand.New(mathrand.NewPCG(1, 1))
	for name, data := range whole {
		stride := max(1, len(data)/1000)
		if os.Getenv("BULKHEAD_LONG") != "" {
			stride = 1
		}
		for i := rng.IntN(stride); i < len(data); i += 1 + rng.IntN(2*stride-1) {
			bad := maps.Clone(whole)
			bad[name] = bytes.Clone(data)
			bad[name][i] ^= 1 << rng.IntN(8)
			if r := run(t, bad, verify.Options{}); r.Fault == nil {
				t.Errorf("%s: byte %d of %d was changed and nothing is found: %q", name, i, len(data), bad[name][max(0, i-10):min(len(data), i+10)])
			} else if strings.HasPrefix(name, "tile/entries/") && r.Fault.Index < 0 {
				t.Errorf("%s: byte %d: %v has no index", name, i, r.Fault)
			}
		}
	}
}

func TestLog_FindsWhatIsMissingOrCut(t *testing.T) {
	f := newForger(t)
	whole := f.log(t, story(200))
	for name, data := range whole {
		bad := maps.Clone(whole)
		delete(bad, name)
		if r := run(t, bad, verify.Options{}); r.Fault == nil || r.Fault.Path != name {
			t.Errorf("without %s: %v", name, r.Fault)
		}
		for _, n := range []int{0, 1, len(data) / 2, len(data) - 1} {
			bad[name] = data[:n]
			if r := run(t, bad, verify.Options{}); r.Fault == nil {
				t.Errorf("%s cut to %d bytes: nothing is found", name, n)
			}
		}
		bad[name] = append(bytes.Clone(data), data[len(data)-1])
		if r := run(t, bad, verify.Options{}); r.Fault == nil {
			t.Errorf("%s with a byte more: nothing is found", name)
		}
	}
	one, two := "tile/entries/000", "tile/entries/001"
	bad := maps.Clone(whole)
	bad[one], bad[two] = whole[two], whole[one]
	if r := run(t, bad, verify.Options{}); r.Fault == nil || r.Fault.Index != 0 {
		t.Errorf("two bundles swapped: %v", r.Fault)
	}
}

// TestLog_FindsWhatTheKeyHolderDoes holds logs that are signed and agree with
// themselves against a checkpoint that was kept.
func TestLog_FindsWhatTheKeyHolderDoes(t *testing.T) {
	f := newForger(t)
	long := story(200)
	kept := f.log(t, long[:401])[tiles.CheckpointPath]
	if r := run(t, f.log(t, long), verify.Options{Since: kept}); r.Fault != nil || !r.Protected() {
		t.Fatalf("a log that grew: %+v", r)
	}
	forked := slices.Clone(long)
	forked[397] = strings.Replace(forked[397], `"size":100`, `"size":101`, 1)
	for name, c := range map[string]struct {
		log  files
		want string
	}{
		"rolled back":             {f.log(t, long[:201]), "rolled back"},
		"forked":                  {f.log(t, forked), "forked"},
		"forked, as long as kept": {f.log(t, forked[:401]), "forked"},
	} {
		if r := run(t, c.log, verify.Options{}); r.Fault != nil {
			t.Fatalf("%s: without a checkpoint it agrees with itself: %v", name, r.Fault)
		}
		if r := run(t, c.log, verify.Options{Since: kept}); r.Fault == nil || !strings.Contains(r.Fault.Error(), c.want) || r.Protected() {
			t.Errorf("%s: %+v", name, r.Fault)
		}
	}
	read := func(log files) tiles.Checkpoint {
		c, err := tiles.ReadCheckpoint(log[tiles.CheckpointPath])
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	older := read(f.log(t, long[:401]))
	for name, c := range map[string]struct {
		log  files
		want string // nothing: it fits
	}{
		"grown": {f.log(t, long), ""}, "the same": {f.log(t, long[:401]), ""},
		"rolled back": {f.log(t, long[:201]), "rolled back"}, "forked": {f.log(t, forked), "forked"}, "forked at once": {f.log(t, forked[:401]), "forked"},
	} {
		err := verify.Consistent(c.log.read, older, read(c.log))
		var fault *verify.Fault
		if (err == nil) != (c.want == "") || err != nil && (!errors.As(err, &fault) || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("consistent, %s: %v", name, err)
		}
	}
	other := newForger(t)
	keys, err := tiles.ParseKeys([]byte(f.keys))
	if err != nil {
		t.Fatal(err)
	}
	if r := run(t, other.log(t, long), verify.Options{Keys: keys}); r.Fault == nil || r.Fault.Path != tiles.CheckpointPath {
		t.Errorf("signed by another key: %v", r.Fault)
	}
	if r := run(t, f.log(t, long), verify.Options{Keys: keys[:1]}); r.Fault != nil || !r.Keyed {
		t.Errorf("with the first of two keys: %v", r.Fault)
	}
}

// TestLog_NamesWhatEntriesMayNotSay signs stories that cannot have happened.
func TestLog_NamesWhatEntriesMayNotSay(t *testing.T) {
	f := newForger(t)
	started := `{` + at + `,"kind":"start","last":"died","v":1}`
	unknown := func(i int64, id string, n int64) string {
		return fmt.Sprintf(`{"admission":%d,%s,"attempt":0,"call":"%s","ended":"unknown","kind":"outcome","previous":%d,"size":0,"v":1}`, i, at, id, n)
	}
	edit := func(e []string, i int, old, new string) []string {
		e = slices.Clone(e)
		if !strings.Contains(e[i], old) {
			t.Fatalf("%s has no %s", e[i], old)
		}
		e[i] = strings.Replace(e[i], old, new, 1)
		return e
	}
	s := story(3)
	for name, c := range map[string]struct {
		entries []string
		index   int64 // -1: none
		want    string
	}{
		"whole":                          {s, -1, ""},
		"open at the end":                {s[:12], -1, ""},
		"died":                           {slices.Concat(s[:3], []string{unknown(1, "c0", 2), edit([]string{started}, 0, `"v"`, `"unknown":1,"v"`)[0]}), -1, ""},
		"stopped":                        {slices.Concat(s, []string{`{` + at + `,"kind":"stop","v":1}`, started}), -1, ""},
		"no start":                       {s[1:], 0, "begins with admission"},
		"open over a start":              {slices.Concat(s[:3], []string{started}), 3, "the admission at 1 had no outcome"},
		"unknown without a start":        {slices.Concat(s[:3], []string{unknown(1, "c0", 2)}, oneCall(4, "c9", "complete")), 4, "without a start"},
		"start counts wrong":             {slices.Concat(s[:3], []string{unknown(1, "c0", 2), started}), 4, "counts 0 calls without a known outcome"},
		"calls after a stop":             {slices.Concat(s[:5], []string{`{` + at + `,"kind":"stop","v":1}`}, oneCall(6, "c9", "complete")), 6, "without a start"},
		"stop counts wrong":              {slices.Concat(s[:3], []string{`{` + at + `,"kind":"stop","v":1}`}), 3, "counts 0 open calls"},
		"two outcomes":                   {slices.Insert(slices.Clone(s[:5]), 5, s[4]), 5, "no admission that is open"},
		"outcome of nothing":             {edit(s, 4, `"admission":1`, `"admission":0`), 4, "no admission that is open"},
		"outcome of another call":        {edit(s, 4, `"call":"c0"`, `"call":"c1"`), 4, "names the admission of call c0"},
		"offering outside the permit":    {edit(s, 2, "east/gpt", "evil/gpt"), 2, "permit does not allow"},
		"attempt without a start":        {edit(s, 3, `"attempt":1`, `"attempt":2`), 3, "was not started"},
		"answered by an unstarted":       {edit(s, 4, `"attempt":1`, `"attempt":2`), 4, "was not started"},
		"complete without an attempt":    {edit(s, 4, `"attempt":1`, `"attempt":0`), 4, "no attempt answered"},
		"attempt out of order":           {edit(s, 2, `"attempt":1`, `"attempt":2`), 2, "follows attempt 0"},
		"attempt ends twice":             {slices.Concat(s[:4], []string{edit(s, 3, `"previous":2`, `"previous":3`)[3]}), 4, "ends twice"},
		"entry left out":                 {slices.Concat(s[:3], s[4:5]), 3, "its last one is 2"},
		"admission without a start":      {slices.Concat(s[:2], s[5:]), 2, "not followed by the start"},
		"admission at the end":           {s[:2], 1, "not followed by the start"},
		"call admitted twice":            {slices.Concat(s[:3], oneCall(3, "c0", "complete")), 3, "was already"},
		"no such ending":                 {edit(s, 4, `"complete"`, `"perhaps"`), 4, "no ending"},
		"unknown member":                 {edit(s, 4, `"v":1`, `"statut":1,"v":1`), 4, `"statut"`},
		"missing member":                 {edit(s, 4, `"size":10,`, ``), 4, "missing"},
		"another version":                {edit(s, 4, `"v":1`, `"v":2`), 4, "version 1"},
		"members out of order":           {edit(s, 0, at+`,"kind":"start"`, `"kind":"start",`+at), 0, "canonical"},
		"white space":                    {edit(s, 0, `,"kind"`, `, "kind"`), 0, "canonical"},
		"needless escape":                {edit(s, 1, `"letters"`, `"\u006cetters"`), 1, "canonical"},
		"capital escape":                 {edit(s, 1, `"letters"`, `"letters\u001F"`), 1, "canonical"},
		"number with a zero before":      {edit(s, 1, `"size":100`, `"size":0100`), 1, "canonical"},
		"number with a fraction":         {edit(s, 1, `"size":100`, `"size":100.0`), 1, "canonical"},
		"time that is none":              {edit(s, 0, "11-22", "13-22"), 0, "at"},
		"permit that counts what it has": {edit(s, 1, `"count":2`, `"count":3`), 1, "counts 3 offerings and names 2"},
		"permit without names":           {edit(s, 1, `,"offerings":["east/gpt","west/gpt"]`, ``), -1, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := run(t, f.log(t, c.entries), verify.Options{})
			switch {
			case c.index < 0 && r.Fault != nil:
				t.Errorf("found %v", r.Fault)
			case c.index >= 0 && (r.Fault == nil || r.Fault.Index != c.index || !strings.Contains(r.Fault.Error(), c.want)):
				t.Errorf("found %v; want %q at %d", r.Fault, c.want, c.index)
			}
		})
	}
}

func TestLog_ReadErrorsAreNoFaults(t *testing.T) {
	f := newForger(t)
	whole := f.log(t, story(100))
	broken := errors.New("the line is down")
	for name := range whole {
		_, err := verify.Log(t.Context(), func(path string) ([]byte, error) {
			if path == name {
				return nil, broken
			}
			return whole.read(path)
		}, verify.Options{})
		if !errors.Is(err, broken) {
			t.Errorf("%s cannot be read: %v", name, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := verify.Log(ctx, whole.read, verify.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// TestLog_ReadsAMillionEntriesInFifteenSeconds also holds memory to a bound.
func TestLog_ReadsAMillionEntriesInFifteenSeconds(t *testing.T) {
	count := 100_000
	if os.Getenv("BULKHEAD_LONG") != "" {
		count = 1_000_000
	}
	f := newForger(t)
	dir := t.TempDir()
	func() {
		for name, data := range f.log(t, story(count/4)) {
			full := filepath.Join(dir, filepath.FromSlash(name))
			if err := os.MkdirAll(filepath.Dir(full), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(full, data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}()
	runtime.GC()
	var before, peak runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	var most uint64
	r, err := verify.Log(t.Context(), verify.Files(os.DirFS(dir)), verify.Options{Progress: func(int64) {
		runtime.ReadMemStats(&peak)
		most = max(most, peak.HeapInuse)
	}})
	took := time.Since(start)
	if err != nil || r.Fault != nil || r.Size != int64(count)+1 {
		t.Fatalf("%v %+v", err, r)
	}
	t.Logf("%d entries in %v, %d bytes more of heap", r.Size, took, int64(most)-int64(before.HeapInuse))
	if count == 1_000_000 && took > 15*time.Second { // fewer say little on a machine that is busy
		t.Errorf("%d entries took %v", r.Size, took)
	}
	if most > before.HeapInuse+32<<20 {
		t.Errorf("the heap grew by %d bytes", most-before.HeapInuse)
	}
}

func FuzzParseEntry(f *testing.F) {
	for _, e := range story(1) {
		f.Add([]byte(e))
	}
	f.Add([]byte(`{"at":"2026-11-22T11:00:00.000000Z","detail":{"x":1.5e-7,"y":[true,null,"é\n"]},"kind":"change","v":1}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		e, err := verify.ParseEntry(7, text)
		if err != nil {
			return
		}
		checkCanonical(t, text)
		if e.Kind == "" || e.At.IsZero() && !bytes.Contains(text, []byte(`"at":"0001-01-01`)) {
			t.Errorf("%q gives %+v", text, e)
		}
	})
}

func FuzzOpenCheckpoint(f *testing.F) {
	forger := newForger(f)
	keys, err := tiles.ParseKeys([]byte(forger.keys))
	if err != nil {
		f.Fatal(err)
	}
	signed := forger.log(f, story(1))[tiles.CheckpointPath]
	f.Add(signed)
	f.Fuzz(func(t *testing.T, msg []byte) {
		o, err := tiles.OpenCheckpoint(msg, keys...)
		if err == nil && !bytes.Equal(msg, signed) && o.Unchecked == 0 {
			t.Errorf("another note is taken for the checkpoint: %q", msg)
		}
	})
}

func FuzzParsePath(f *testing.F) {
	for _, p := range []string{"tile/0/000", "tile/entries/x001/x234/067.p/8", "tile/1/001.p/255", "tile/00/000", "tile/0/0000"} {
		f.Add(p)
	}
	f.Fuzz(func(t *testing.T, p string) {
		if r, err := tiles.Parse(p); err == nil && r.Path() != p {
			t.Errorf("%q is read as %q", p, r.Path())
		}
	})
}
