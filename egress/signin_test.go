package egress_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"bulkhead/catalog"
	"bulkhead/egress"
	"bulkhead/wire"
)

// signerFunc signs by a function.
type signerFunc func(ctx context.Context, target string, body wire.Splice) ([][2]string, error)

func (f signerFunc) Sign(ctx context.Context, target string, body wire.Splice) ([][2]string, error) {
	return f(ctx, target, body)
}

// signed opens a door whose requests are signed.
func signed(t *testing.T, e *catalog.Endpoint, s egress.Signer) *egress.Door {
	t.Helper()
	d := egress.Open(e, egress.Options{UserAgent: "test/1", SignIn: func(*catalog.Endpoint, *http.Client) (egress.Signer, error) { return s, nil }})
	if d.Missing() != nil {
		t.Fatal(d.Missing())
	}
	t.Cleanup(d.Close)
	return d
}

func TestSigner_SignsEachRequestAsItGoesOut(t *testing.T) {
	for _, version := range []int{1, 2} {
		var n atomic.Int64
		server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			b, _ := io.ReadAll(r.Body)
			fmt.Fprintf(w, "%s http://%s%s %s %s", r.Header.Get("X-Signed"), r.Host, r.RequestURI, r.Header.Get("X-Id"), b)
		}))
		var p http.Protocols
		p.SetHTTP1(true)
		p.SetUnencryptedHTTP2(true)
		server.Config.Protocols = &p
		server.Start()
		defer server.Close()
		d := signed(t, &catalog.Endpoint{Name: "e", URL: server.URL + "/base/", HTTP: version, Auth: catalog.Auth{Kind: "aws"}},
			signerFunc(func(_ context.Context, target string, body wire.Splice) ([][2]string, error) {
				return [][2]string{{"X-Signed", fmt.Sprintf("%d:%s:%s", n.Add(1), target, body.Append(nil))}}, nil
			}))
		header := make([][2]string, 1, 8) // with room that no signature may be written into
		header[0] = [2]string{"X-Id", "7"}
		for i := 1; i <= 2; i++ {
			r, err := d.Send(t.Context(), &egress.Request{Target: "/a%2Fb?c=d", Accept: "*/*", Header: header, Body: wire.Splice{Body: []byte("{}")}})
			if err != nil {
				t.Fatal(err)
			}
			b, _ := io.ReadAll(r.Body)
			r.Body.Close()
			url := server.URL + "/base/a%2Fb?c=d"
			if want := fmt.Sprintf("%d:%s:{} %s 7 {}", i, url, url); string(b) != want {
				t.Errorf("HTTP/%d: got %q, want %q", version, b, want)
			}
		}
		if header[:2][1] != ([2]string{}) {
			t.Error("a signature was written into the caller's header")
		}
	}
}

func TestSigner_WithoutASignatureNothingIsSent(t *testing.T) {
	var n atomic.Int64
	server := httptest.NewServer(echo(&n))
	defer server.Close()
	why := errors.New("no credentials")
	d := signed(t, &catalog.Endpoint{Name: "e", URL: server.URL, Auth: catalog.Auth{Kind: "aws"}},
		signerFunc(func(context.Context, string, wire.Splice) ([][2]string, error) { return nil, why }))
	var f *egress.Failure
	if _, _, err := ask(t.Context(), d, "{}"); !errors.As(err, &f) || f.Phase != egress.SigningIn || !errors.Is(err, why) {
		t.Errorf("got %v", err)
	}
	if n.Load() != 0 {
		t.Errorf("%d requests were sent", n.Load())
	}
	for name, o := range map[string]egress.Options{
		"not built": {SignIn: func(*catalog.Endpoint, *http.Client) (egress.Signer, error) { return nil, nil }},
		"fails":     {SignIn: func(*catalog.Endpoint, *http.Client) (egress.Signer, error) { return nil, why }},
		"none":      {},
	} {
		if d := egress.Open(&catalog.Endpoint{Name: "gov-west", URL: server.URL, Auth: catalog.Auth{Kind: "aws"}}, o); d.Missing() == nil || !strings.Contains(d.Missing().Error(), "gov-west") {
			t.Errorf("%s: missing %v", name, d.Missing())
		}
	}
}

func TestSignIn_AsksOnlyTheHostsThatTheEstateNames(t *testing.T) {
	var n, elsewhere atomic.Int64
	other := httptest.NewServer(echo(&elsewhere))
	defer other.Close()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n.Add(1); r.URL.Path == "/moved" {
			http.Redirect(w, r, strings.Replace(other.URL, "127.0.0.1", "localhost", 1), http.StatusFound)
		}
	}))
	defer server.Close()
	for _, name := range []string{"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"} {
		t.Setenv(name, other.URL)
	}
	ask := func(hosts []string, url string) (int, error) {
		var client *http.Client
		d := egress.Open(&catalog.Endpoint{Name: "gov-west", URL: "https://vendor.example", Auth: catalog.Auth{Kind: "azure", Hosts: hosts}}, egress.Options{
			ReadFile: os.ReadFile,
			SignIn: func(_ *catalog.Endpoint, c *http.Client) (egress.Signer, error) {
				client = c
				return signerFunc(nil), nil
			},
		})
		defer d.Close()
		r, err := client.Get(url)
		if err != nil {
			return 0, err
		}
		r.Body.Close()
		return r.StatusCode, nil
	}
	if status, err := ask([]string{"login.example", "127.0.0.1"}, server.URL); status != 200 || n.Load() != 1 {
		t.Errorf("a named host: %d, %v", status, err)
	}
	if status, err := ask([]string{"127.0.0.1"}, server.URL+"/moved"); status != 302 || err != nil {
		t.Errorf("a redirect: %d, %v; want it handed on and not followed", status, err)
	}
	for name, hosts := range map[string][]string{"none named": nil, "another named": {"login.example"}, "a part of its name": {"127.0.0", "0.0.1"}} {
		before := n.Load()
		if _, err := ask(hosts, server.URL); err == nil || !strings.Contains(err.Error(), "gov-west") || !strings.Contains(err.Error(), "127.0.0.1") || n.Load() != before {
			t.Errorf("%s: %v", name, err)
		}
	}
	if elsewhere.Load() != 0 {
		t.Errorf("%d requests to a proxy of the environment or to where a redirect pointed", elsewhere.Load())
	}
}

// tokens is a sign-in that counts.
type tokens struct {
	mu    sync.Mutex
	asked int
	err   error
	takes time.Duration
	holds time.Duration
}

func (f *tokens) fetch(ctx context.Context) (egress.Token, error) {
	f.mu.Lock()
	f.asked++
	n, err, takes, holds := f.asked, f.err, f.takes, f.holds
	f.mu.Unlock()
	select {
	case <-ctx.Done():
		return egress.Token{}, ctx.Err()
	case <-time.After(takes):
	}
	return egress.Token{Text: fmt.Sprint("t", n), Until: time.Now().Add(holds)}, err
}

func (f *tokens) set(err error) { f.mu.Lock(); f.err = err; f.mu.Unlock() }
func (f *tokens) count() int    { f.mu.Lock(); defer f.mu.Unlock(); return f.asked }

func sign(ctx context.Context, s egress.Signer) (string, error) {
	fields, err := s.Sign(ctx, "", wire.Splice{})
	if err != nil {
		return "", err
	}
	return fields[0][0] + ": " + fields[0][1], nil
}

func TestTokens_AreKeptAndRefreshedAheadOfTheirEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &tokens{takes: time.Second, holds: time.Hour}
		s := egress.NewTokens(f.fetch, nil)
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() {
				if got, err := sign(t.Context(), s); got != "Authorization: Bearer t1" || err != nil {
					t.Errorf("first: %q, %v", got, err)
				}
			})
		}
		all.Wait()
		time.Sleep(54 * time.Minute)
		if got, _ := sign(t.Context(), s); got != "Authorization: Bearer t1" || f.count() != 1 {
			t.Errorf("kept: %q after %d", got, f.count())
		}
		time.Sleep(2 * time.Minute) // within five minutes of its end
		begun := time.Now()
		for range 5 {
			if got, _ := sign(t.Context(), s); got != "Authorization: Bearer t1" || time.Since(begun) != 0 {
				t.Errorf("while it is refreshed: %q after %v", got, time.Since(begun))
			}
		}
		time.Sleep(2 * time.Second)
		if got, _ := sign(t.Context(), s); got != "Authorization: Bearer t2" || f.count() != 2 {
			t.Errorf("refreshed: %q after %d", got, f.count())
		}
		time.Sleep(56 * time.Minute)
		f.set(errors.New("down"))
		for range 60 { // one minute of calls
			if got, err := sign(t.Context(), s); got != "Authorization: Bearer t2" || err != nil {
				t.Errorf("while sign-in is down: %q, %v", got, err)
			}
			time.Sleep(time.Second)
		}
		if n := f.count() - 2; n < 4 || n > 7 {
			t.Errorf("asked %d times in a minute ahead of the end", n)
		}
		time.Sleep(5 * time.Minute)
		if _, err := sign(t.Context(), s); err == nil {
			t.Error("a token that has ended is used")
		}
		f.set(nil)
		time.Sleep(2 * time.Second)
		if got, err := sign(t.Context(), s); err != nil || !strings.HasPrefix(got, "Authorization: Bearer t") {
			t.Errorf("once it is up again: %q, %v", got, err)
		}
	})
}

func TestTokens_AFailureIsNotAskedForAgainAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &tokens{err: errors.New("down"), holds: time.Hour}
		s := egress.NewTokens(f.fetch, nil)
		for range 100 {
			if _, err := sign(t.Context(), s); err == nil || err.Error() != "down" {
				t.Fatal(err)
			}
		}
		if f.count() != 1 {
			t.Errorf("asked %d times at once", f.count())
		}
	})
}

func TestTokens_ACallThatLeavesEndsNobodysSignIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &tokens{takes: time.Second, holds: time.Hour}
		s := egress.NewTokens(f.fetch, nil)
		ctx, cancel := context.WithCancelCause(t.Context())
		gone := errors.New("gone")
		var all sync.WaitGroup
		all.Go(func() {
			if _, err := sign(ctx, s); !errors.Is(err, gone) {
				t.Errorf("who left: %v", err)
			}
		})
		synctest.Wait()
		all.Go(func() {
			if got, err := sign(t.Context(), s); got != "Authorization: Bearer t1" || err != nil {
				t.Errorf("who stayed: %q, %v", got, err)
			}
		})
		synctest.Wait()
		cancel(gone)
		all.Wait()
	})
}

func TestTokens_RefusesWhatNoHeaderMayCarryOrHasEnded(t *testing.T) {
	for name, token := range map[string]egress.Token{
		"splits": {Text: "a\r\nX-Evil: 1", Until: time.Now().Add(time.Hour)},
		"empty":  {Until: time.Now().Add(time.Hour)},
		"ended":  {Text: "a", Until: time.Now()},
		"no end": {Text: "a"},
	} {
		s := egress.NewTokens(func(context.Context) (egress.Token, error) { return token, nil }, nil)
		if got, err := sign(t.Context(), s); err == nil || strings.Contains(err.Error(), "Evil") {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

func TestTokens_TheOneThatIsHadCostsNothing(t *testing.T) {
	s := egress.NewTokens(func(context.Context) (egress.Token, error) {
		return egress.Token{Text: "a", Until: time.Now().Add(time.Hour)}, nil
	}, nil)
	if _, err := sign(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(100, func() { s.Sign(t.Context(), "", wire.Splice{}) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// BenchmarkSend shows what signing adds to a send over HTTP/1.1.
func BenchmarkSend(b *testing.B) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "{}") }))
	defer server.Close()
	fixed := signerFunc(func(context.Context, string, wire.Splice) ([][2]string, error) {
		return [][2]string{{"Authorization", "Bearer x"}}, nil
	})
	for name, auth := range map[string]catalog.Auth{"bearer": {Kind: "bearer", Secret: "env:X"}, "signed": {Kind: "aws"}} {
		b.Run(name, func(b *testing.B) {
			d := egress.Open(&catalog.Endpoint{Name: "e", URL: server.URL, Auth: auth}, egress.Options{
				Secret: func(string) (string, error) { return "x", nil },
				SignIn: func(*catalog.Endpoint, *http.Client) (egress.Signer, error) { return fixed, nil },
			})
			defer d.Close()
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := ask(b.Context(), d, "{}"); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
