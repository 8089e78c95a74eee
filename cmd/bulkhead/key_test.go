package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"bulkhead/catalog"
	"bulkhead/console"
	"bulkhead/control"
	"bulkhead/estate"
	"bulkhead/identity"
	"bulkhead/ledger"
)

// place is where a test keeps an estate and a data folder.
type place struct {
	estate, data string
	workload     string // one that the estate has
}

func newPlace(t *testing.T) place {
	t.Helper()
	dir, err := os.MkdirTemp("", "bh") // short enough for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	p := place{estate: filepath.Join(dir, "estate"), data: filepath.Join(dir, "data")}
	if err := estate.Init(p.estate, catalog.Unclassified, time.Now()); err != nil {
		t.Fatal(err)
	}
	est, _, err := estate.Load(t.Context(), p.estate)
	if err != nil {
		t.Fatal(err)
	}
	p.workload = slices.Sorted(maps.Keys(est.Workloads))[0]
	return p
}

type result struct {
	code        int
	out, errOut string
}

func run(ctx context.Context, cmd func(context.Context, []string, io.Writer, io.Writer) int, args ...string) result {
	var out, errOut bytes.Buffer
	code := cmd(ctx, args, &out, &errOut)
	return result{code, out.String(), errOut.String()}
}

func (p place) key(t *testing.T, args ...string) result {
	t.Helper()
	if args[0] == "create" {
		args = append(args, "--estate", p.estate)
	}
	return run(t.Context(), runKey, append(args, "--data", p.data)...)
}

// serving is a Controller that owns a data folder and answers on its socket, until the test ends.
func (p place) serving(t *testing.T, reload func(context.Context, control.By, func(string) error) (string, string, error)) *identity.Keyring {
	t.Helper()
	s, err := ownState(t.Context(), p.data)
	if err != nil {
		t.Fatal(err)
	}
	c, err := control.New(t.Context(), control.Options{Store: s.store, Keys: s.ring, Workloads: func() []string { return []string{"of-the-server"} }, Reload: reload})
	if err != nil {
		t.Fatal(err)
	}
	l, err := console.ListenSocket(filepath.Join(p.data, ledger.SocketName))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := console.ServeListener(ctx, l, console.Commands(c)); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() { stop(); wg.Wait(); s.Close() })
	return s.ring
}

func mustSay(t *testing.T, got result, code int, says ...string) {
	t.Helper()
	if got.code != code {
		t.Errorf("exit code %d, want %d\nstdout: %s\nstderr: %s", got.code, code, got.out, got.errOut)
	}
	for _, say := range says {
		if !strings.Contains(got.errOut+got.out, say) {
			t.Errorf("it does not say %q\nstdout: %s\nstderr: %s", say, got.out, got.errOut)
		}
	}
}

func TestKey_WithoutAServerIsWrittenForTheNextOne(t *testing.T) {
	p := newPlace(t)
	made := p.key(t, "create", "--workload", p.workload, "--note", "mail room")
	mustSay(t, made, 0, "expires ", "bulkhead key revoke ")
	text := strings.TrimSuffix(made.out, "\n")
	id, secret, ok := identity.ParseKey(text)
	if !ok || strings.Contains(made.errOut, secret) {
		t.Fatalf("stdout is %q; stderr %q", made.out, made.errOut)
	}
	second := p.key(t, "create", "--workload", p.workload, "--expires", "never")
	mustSay(t, second, 0, "expires never")
	mustSay(t, p.key(t, "revoke", strings.TrimSuffix(second.out, "\n")), 0, "is revoked", "the next one refuses it") // the whole key, pasted

	list := p.key(t, "list")
	mustSay(t, list, 0, id, p.workload, "mail room", "active", "revoked", "never")
	if strings.Contains(list.out, secret) {
		t.Error("the list shows the secret")
	}
	var all console.Keys
	if asJSON := p.key(t, "list", "--json"); json.Unmarshal([]byte(asJSON.out), &all) != nil || len(all.Keys) != 2 || all.Keys[0].ID != id {
		t.Errorf("list --json: %+v", asJSON)
	}
	if hold := all.Keys[0].Expires.Sub(all.Keys[0].Created).Round(time.Hour); hold != 90*24*time.Hour {
		t.Errorf("without --expires a key holds %v, want 90 days", hold)
	}

	ring := p.serving(t, nil)
	if who, err := ring.Identify(identity.Credential(text), time.Now()); err != nil || who.Workload != p.workload {
		t.Errorf("the server that starts next: %+v, %v", who, err)
	}
	if _, err := ring.Identify(identity.Credential(strings.TrimSpace(second.out)), time.Now()); err == nil {
		t.Error("the server that starts next lets in a revoked key")
	}
}

func TestKey_WithAServerTakesEffectAtOnce(t *testing.T) {
	p := newPlace(t)
	ring := p.serving(t, nil)
	made := p.key(t, "create", "--workload", "of-the-server")
	mustSay(t, made, 0)
	text := identity.Credential(strings.TrimSpace(made.out))
	who, err := ring.Identify(text, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	mustSay(t, p.key(t, "list"), 0, who.Key)
	mustSay(t, p.key(t, "revoke", who.Key), 0, "refused from the next call on")
	if _, err := ring.Identify(text, time.Now()); err == nil {
		t.Error("a revoked key is let in")
	}
	// The server's estate decides, not the one on disk beside the command.
	refused := p.key(t, "create", "--workload", p.workload)
	mustSay(t, refused, 1, `no workload "`+p.workload+`"`, "of-the-server")
	if refused.out != "" {
		t.Errorf("stdout: %q", refused.out)
	}
}

func TestKey_RefusalsHaveTheirExitCodes(t *testing.T) {
	p := newPlace(t)
	mustSay(t, p.key(t, "create", "--workload", "leters"), 1, `no workload "leters"`, "It has: ", p.workload)
	mustSay(t, p.key(t, "revoke", "aaaaaaaaaaaaaaaa"), 1, "no key with this id")
	mustSay(t, p.key(t, "revoke", "../../status"), 1, "no key with this id")
	mustSay(t, p.key(t, "create", "--workload", p.workload, "--note", "a\nb"), 2, "one line")
	for name, tt := range map[string]struct {
		args []string
		say  string
	}{
		"nothing":            {nil, "bulkhead key create"},
		"unknown":            {[]string{"delete"}, `no "delete"`},
		"no workload":        {[]string{"create"}, "--workload NAME"},
		"a word too much":    {[]string{"create", "letters"}, "bulkhead key create --workload letters"},
		"unknown flag":       {[]string{"create", "--ttl", "1h"}, "-expires"},
		"expires in words":   {[]string{"create", "--workload", "w", "--expires", "tomorrow"}, "90d"},
		"no days":            {[]string{"create", "--workload", "w", "--expires", "0d"}, "1d to 36500d"},
		"a day that is not":  {[]string{"create", "--workload", "w", "--expires", "2027-02-30"}, "2027-01-31"},
		"a day that is past": {[]string{"create", "--workload", "w", "--expires", "2020-01-01"}, "in the past"},
		"list of one":        {[]string{"list", "aaaaaaaaaaaaaaaa"}, "bulkhead key list"},
		"revoke nothing":     {[]string{"revoke"}, "bulkhead key revoke ID"},
		"revoke two":         {[]string{"revoke", "a", "b"}, "name one key"},
		"revoke a part":      {[]string{"revoke", "bk_aaaabbbbccccdddd_short"}, "a part of a key"},
	} {
		t.Run(name, func(t *testing.T) {
			got := run(t.Context(), runKey, tt.args...)
			mustSay(t, got, 2, tt.say)
			if got.out != "" {
				t.Errorf("stdout: %q", got.out)
			}
		})
	}
	for _, args := range [][]string{{"help"}, {"create", "-h"}, {"list", "--help"}, {"revoke", "-h"}} {
		mustSay(t, run(t.Context(), runKey, args...), 0, "usage")
	}
	mustSay(t, run(t.Context(), runKey, "create", "-h"), 0, "default \"90d\"")
}

func TestKey_SaysWhatStandsInTheWay(t *testing.T) {
	p := newPlace(t)
	for _, args := range [][]string{{"list"}, {"revoke", "aaaaaaaaaaaaaaaa"}} {
		mustSay(t, p.key(t, args...), 3, "there are no keys in "+p.data)
		if _, err := os.Stat(p.data); !os.IsNotExist(err) {
			t.Errorf("%v made the data folder", args)
		}
	}
	mustSay(t, run(t.Context(), runKey, "create", "--workload", "w", "--data", p.data, "--estate", p.estate+"-not"), 3, "estate")
	if err := os.WriteFile(filepath.Join(p.estate, "enclave.yaml"), []byte("enclav: x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	mustSay(t, p.key(t, "create", "--workload", p.workload), 1, "enclave.yaml:1:1")
}

func TestKey_IsNotMadeUnderANewPepperWhereTheOldOneIsLost(t *testing.T) {
	p := newPlace(t)
	mustSay(t, p.key(t, "create", "--workload", p.workload), 0)
	pepper := filepath.Join(p.data, "secrets", "key-pepper")
	if err := os.Remove(pepper); err != nil {
		t.Fatal(err)
	}
	mustSay(t, p.key(t, "create", "--workload", p.workload), 3, "restore it")
	if _, err := os.Stat(pepper); !os.IsNotExist(err) {
		t.Error("a new pepper was made")
	}
}

func TestKey_WaitsForAnOwnerThatIsEnding(t *testing.T) {
	p := newPlace(t)
	release, err := ledger.Own(p.data)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer stop()
	if _, err := reach(ctx, p.data, offline{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("reach = %v", err)
	}
	time.AfterFunc(100*time.Millisecond, func() { release() })
	mustSay(t, p.key(t, "create", "--workload", p.workload), 0)
}

func TestKey_ManyCommandsAtOnceEachMakeTheirs(t *testing.T) {
	p := newPlace(t)
	var wg sync.WaitGroup
	for range 5 {
		wg.Go(func() { mustSay(t, p.key(t, "create", "--workload", p.workload), 0) })
	}
	wg.Wait()
	if n := strings.Count(p.key(t, "list").out, p.workload); n != 5 {
		t.Errorf("%d keys, want 5", n)
	}
}

func TestReload_TellsWhatIsInForce(t *testing.T) {
	p := newPlace(t)
	mustSay(t, run(t.Context(), runReload, "--data", p.data), 3, "no server runs", "bulkhead serve")
	broken := error(nil)
	p.serving(t, func(_ context.Context, _ control.By, accept func(string) error) (string, string, error) {
		if broken != nil {
			return "sha256:11", "", broken
		}
		if err := accept("sha256:22"); err != nil {
			return "sha256:11", "", err
		}
		return "sha256:11", "sha256:22", nil
	})
	mustSay(t, run(t.Context(), runReload, "--data", p.data), 0, "estate sha256:22 is in force; it was sha256:11")
	mustSay(t, run(t.Context(), runReload, "--data", p.data, "--digest", "sha256:22", "--json"), 0, `{"old":"sha256:11","new":"sha256:22"}`)
	mustSay(t, run(t.Context(), runReload, "--data", p.data, "--digest", "sha256:33"), 1, "sha256:22, not sha256:33")
	mustSay(t, run(t.Context(), runReload, "--data", p.data, "sha256:22"), 2, "--digest")
	broken = errors.New("clouds/aws.yaml:3:5: no such model")
	mustSay(t, run(t.Context(), runReload, "--data", p.data), 1, "clouds/aws.yaml:3:5: no such model", "the one in force stays")
}
