package identity_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"bulkhead/fault"
	"bulkhead/identity"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func newKeyring() *identity.Keyring {
	return identity.NewKeyring(bytes.Repeat([]byte{7}, identity.PepperBytes))
}

// minted puts a key on the ring and gives its text.
func minted(k *identity.Keyring, workload string, expires time.Time) (identity.Key, identity.Credential) {
	key, text := k.Mint(nil, workload, "a note", noon.Add(-time.Hour), expires)
	k.Put(key)
	return key, identity.Credential(text)
}

func TestIdentify_GivesThePrincipalOfTheKey(t *testing.T) {
	k := newKeyring()
	key, text := minted(k, "letters", time.Time{})
	minted(k, "other", time.Time{})
	got, err := k.Identify(text, noon)
	if want := (identity.Principal{Kind: "service", Key: key.ID, Workload: "letters"}); err != nil || got != want {
		t.Errorf("Identify = %+v, %v; want %+v", got, err, want)
	}
}

func TestIdentify_RefusesAllElseWithOneFault(t *testing.T) {
	k := newKeyring()
	key, good := minted(k, "letters", noon.Add(time.Hour))
	_, foreign := newKeyring().Mint(nil, "letters", "", noon, time.Time{})
	other, otherText := minted(k, "letters", time.Time{})
	revoked, revokedText := minted(k, "letters", time.Time{})
	k.Revoke(revoked.ID, noon.Add(time.Hour)) // even an instant yet to come
	_, expired := minted(k, "letters", noon)
	wrong := []byte(good)
	wrong[len(wrong)-2] ^= 'a' ^ 'b'

	type refusal struct {
		Kind    fault.Kind
		Message string
		NoRetry bool
		Error   string
	}
	shapes := map[refusal][]string{}
	for name, c := range map[string]identity.Credential{
		"absent":              "",
		"misshapen":           "sk-proj-abc",
		"very long":           identity.Credential(strings.Repeat("bk_", 1<<20)),
		"unknown id":          identity.Credential(foreign),
		"wrong secret":        identity.Credential(wrong),
		"secret of another":   identity.Credential("bk_" + key.ID + "_" + string(otherText)[20:]),
		"id of another":       identity.Credential("bk_" + other.ID + "_" + string(good)[20:]),
		"revoked":             revokedText,
		"expired to the tick": expired,
		"upper case":          identity.Credential(strings.ToUpper(string(good))),
		"id alone":            identity.Credential(key.ID),
	} {
		p, err := k.Identify(c, noon)
		if err == nil || p != (identity.Principal{}) {
			t.Errorf("%s: Identify = %+v, %v; want refused", name, p, err)
			continue
		}
		var f *fault.Fault
		if !errors.As(err, &f) {
			t.Errorf("%s: %T is no fault", name, err)
			continue
		}
		if f.Cause != nil || f.Field != "" || f.Reasons != nil || f.RetryAfter != 0 {
			t.Errorf("%s: the fault says more than it may: %+v", name, f)
		}
		r := refusal{f.Kind, f.Message, f.NoRetry, f.Error()}
		shapes[r] = append(shapes[r], name)
	}
	if len(shapes) != 1 {
		t.Errorf("%d different refusals: %v", len(shapes), shapes)
	}
	for r := range shapes {
		if r.Kind != fault.Unauthenticated {
			t.Errorf("kind %q, want %q", r.Kind, fault.Unauthenticated)
		}
	}
	if _, err := k.Identify(good, noon); err != nil {
		t.Errorf("the good key is refused too: %v", err)
	}
}

func TestIdentify_GivesAFaultThatNobodyElseHolds(t *testing.T) {
	k := newKeyring()
	_, err := k.Identify("", noon)
	fault.From(err).Because(io.EOF).At("somewhere")
	if _, err = k.Identify("", noon); fault.From(err).Cause != nil || fault.From(err).Field != "" {
		t.Errorf("the fault of an earlier call was added to: %v", err)
	}
}

func TestIdentify_HoldsUntilTheInstantOfExpiry(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k := newKeyring()
		expires := noon.Add(time.Duration(rapid.Int64Range(-1000, 1000).Draw(t, "expires")))
		now := noon.Add(time.Duration(rapid.Int64Range(-1000, 1000).Draw(t, "now")))
		_, text := minted(k, "w", expires)
		if _, err := k.Identify(text, now); (err == nil) != now.Before(expires) {
			t.Fatalf("at %v with expiry %v: %v", now, expires, err)
		}
	})
}

func TestIdentify_NeedsThePepperOfTheMint(t *testing.T) {
	k := newKeyring()
	key, text := minted(k, "w", time.Time{})
	other := identity.NewKeyring(bytes.Repeat([]byte{8}, identity.PepperBytes))
	other.Put(key)
	if p, err := other.Identify(text, noon); err == nil {
		t.Errorf("another pepper let in %+v", p)
	}
}

// Any change of any character of the text must end in a refusal.
func TestIdentify_RefusesEveryOtherText(t *testing.T) {
	k := newKeyring()
	_, text := minted(k, "w", time.Time{})
	rapid.Check(t, func(t *rapid.T) {
		b := []byte(text)
		i := rapid.IntRange(0, len(b)-1).Draw(t, "at")
		c := rapid.Byte().Draw(t, "byte")
		if b[i] == c {
			return
		}
		b[i] = c
		if p, err := k.Identify(identity.Credential(b), noon); err == nil {
			t.Fatalf("%q let in %+v", b, p)
		}
	})
}

func TestRevoke_HoldsFromTheNextCallAndKeepsItsInstant(t *testing.T) {
	k := newKeyring()
	key, text := minted(k, "w", time.Time{})
	if k.Revoke("aaaaaaaaaaaaaaaa", noon) {
		t.Error("Revoke found a key that is not there")
	}
	if !k.Revoke(key.ID, noon) || !k.Revoke(key.ID, noon.Add(time.Hour)) {
		t.Error("Revoke did not find the key")
	}
	if _, err := k.Identify(text, noon.Add(-time.Minute)); err == nil {
		t.Error("a revoked key is let in by a clock that runs behind")
	}
	if got := k.List()[0].Revoked; !got.Equal(noon) {
		t.Errorf("revoked at %v, want the first instant %v", got, noon)
	}
}

func TestReplace_IsTheWholeKeyring(t *testing.T) {
	k := newKeyring()
	_, gone := minted(k, "w", time.Time{})
	a, aText := k.Mint(nil, "w", "", noon.Add(time.Minute), time.Time{})
	b, bText := k.Mint(nil, "w", "", noon, time.Time{})
	k.Replace([]identity.Key{a, b})
	if _, err := k.Identify(gone, noon); err == nil {
		t.Error("a key that was replaced is let in")
	}
	for _, text := range []string{aText, bText} {
		if _, err := k.Identify(identity.Credential(text), noon); err != nil {
			t.Error(err)
		}
	}
	if got := k.List(); len(got) != 2 || got[0].ID != b.ID || got[1].ID != a.ID {
		t.Errorf("List = %v, want the oldest first", got)
	}
}

func TestMint_IsKnownOnlyOnceItIsPut(t *testing.T) {
	k := newKeyring()
	key, text := k.Mint(nil, "w", "n", noon, noon.Add(time.Hour))
	if _, err := k.Identify(identity.Credential(text), noon); err == nil {
		t.Error("a minted key is let in before it was put")
	}
	id, _, ok := identity.ParseKey(text)
	if !ok || id != key.ID || key.Workload != "w" || key.Note != "n" || !key.Created.Equal(noon) || !key.Expires.Equal(noon.Add(time.Hour)) {
		t.Errorf("Mint = %+v, %q", key, text)
	}
}

func TestMint_UsesAllTheRandomnessItIsGiven(t *testing.T) {
	k := newKeyring()
	seed := make([]byte, 42)
	base, baseText := k.Mint(bytes.NewReader(seed), "w", "", noon, time.Time{})
	if base.ID != strings.Repeat("a", 16) || baseText != "bk_"+strings.Repeat("a", 16)+"_"+strings.Repeat("a", 52) {
		t.Errorf("zero bytes gave %q", baseText)
	}
	for bit := range 42 * 8 {
		b := bytes.Clone(seed)
		b[bit/8] ^= 1 << (bit % 8)
		if key, text := k.Mint(bytes.NewReader(b), "w", "", noon, time.Time{}); text == baseText || key.MAC == base.MAC {
			t.Fatalf("bit %d changes nothing", bit)
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("Mint went on without randomness")
		}
	}()
	k.Mint(bytes.NewReader(seed[:41]), "w", "", noon, time.Time{})
}

func TestNewKeyring_RefusesAPepperOfAnotherLength(t *testing.T) {
	for _, n := range []int{0, 1, 31, 33} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("a pepper of %d bytes is taken", n)
				}
			}()
			identity.NewKeyring(make([]byte, n))
		}()
	}
	pepper := bytes.Repeat([]byte{7}, identity.PepperBytes)
	k := identity.NewKeyring(pepper)
	_, text := minted(k, "w", time.Time{})
	clear(pepper) // the caller may wipe its copy
	for range 100 {
		if _, err := k.Identify(text, noon); err != nil {
			t.Fatal(err)
		}
	}
}

// Readers never wait for writers, never see a half-made set, and see a
// revocation as soon as it has returned. Run with -race.
func TestKeyring_IsSafeForManyAtOnce(t *testing.T) {
	k := newKeyring()
	_, stays := minted(k, "stays", time.Time{})
	var stop atomic.Bool
	var readers, writers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for !stop.Load() {
				if p, err := k.Identify(stays, noon); err != nil || p.Workload != "stays" {
					t.Errorf("a key that stays is refused: %+v, %v", p, err)
					return
				}
				k.List()
			}
		})
	}
	for range 4 {
		writers.Go(func() {
			for range 200 {
				key, text := minted(k, "goes", time.Time{})
				if _, err := k.Identify(text, noon); err != nil {
					t.Errorf("a key that was put is refused: %v", err)
				}
				k.Revoke(key.ID, noon)
				if _, err := k.Identify(text, noon); err == nil {
					t.Error("a key that was revoked is let in")
				}
			}
		})
	}
	writers.Wait()
	stop.Store(true)
	readers.Wait()
	if got := len(k.List()); got != 1+4*200 {
		t.Errorf("%d keys, want %d: a change was lost", got, 1+4*200)
	}
}

func TestKeyring_PrintsNoSecret(t *testing.T) {
	pepper := []byte("PEPPERPEPPERPEPPERPEPPERPEPPER!!")
	k := identity.NewKeyring(pepper)
	key, text := k.Mint(nil, "w", "", noon, time.Time{})
	k.Put(key)
	k.Identify(identity.Credential(text), noon)
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("m", "key", key, "ring", k)
	slog.New(slog.NewTextHandler(&log, nil)).Info("m", "key", key, "ring", k)
	js, err := json.Marshal(key)
	if err != nil {
		t.Fatal(err)
	}
	all := fmt.Sprintf("%v %+v %s %v %+v %#v %s %s", key, key, key, k, k, k, js, log.String())
	for name, secret := range map[string]string{
		"secret": text[20:], "pepper": "PEPPER", "pepper in hex": fmt.Sprintf("%x", pepper[:6]), "pepper in decimal": "80 69 80",
		"mac": strings.Trim(fmt.Sprint(key.MAC[:4]), "[]"), "mac in json": strings.ReplaceAll(strings.Trim(fmt.Sprint(key.MAC[:4]), "[]"), " ", ","),
	} {
		if strings.Contains(all, secret) {
			t.Errorf("the %s was printed: %s", name, all)
		}
	}
}

// The same tests once more in a process where only approved cryptography works.
func TestKeyring_WorksInFIPSMode(t *testing.T) {
	if strings.Contains(os.Getenv("GODEBUG"), "fips140") {
		t.Skip("already in that mode")
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe, "-test.run", "^TestIdentify_[^A]|^TestMint|^TestRevoke", "-test.v")
	cmd.Env = append(os.Environ(), "GODEBUG=fips140=only")
	out, err := cmd.CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("--- PASS: TestIdentify_GivesThePrincipalOfTheKey")) {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestIdentify_AllocatesOnlyToRefuse(t *testing.T) {
	if racing {
		t.Skip("the race detector makes pools forget")
	}
	k := newKeyring()
	_, good := minted(k, "w", time.Time{})
	if got := testing.AllocsPerRun(1000, func() { k.Identify(good, noon) }); got > 0 {
		t.Errorf("a good key costs %v allocations, want 0", got)
	}
	if got := testing.AllocsPerRun(1000, func() { k.Identify("", noon) }); got > 2 {
		t.Errorf("a refusal costs %v allocations, want at most 2", got)
	}
}

func BenchmarkIdentify(b *testing.B) {
	k := newKeyring()
	keys := make([]identity.Key, 10_000)
	texts := make([]identity.Credential, len(keys))
	for i := range keys {
		key, text := k.Mint(nil, "w", "", noon, time.Time{})
		keys[i], texts[i] = key, identity.Credential(text)
	}
	k.Replace(keys)
	_, unknown := k.Mint(nil, "w", "", noon, time.Time{})
	b.Run("good of 10000", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := k.Identify(texts[rand.IntN(len(texts))], noon); err != nil {
				b.Fatal(err)
			}
		}
	})
	for name, c := range map[string]identity.Credential{"unknown": identity.Credential(unknown), "absent": ""} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := k.Identify(c, noon); err == nil {
					b.Fatal("let in")
				}
			}
		})
	}
	b.Run("parallel", func(b *testing.B) {
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				k.Identify(texts[0], noon)
			}
		})
	})
}
