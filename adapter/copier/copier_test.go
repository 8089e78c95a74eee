package copier_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"bulkhead/adapter/copier"
	"bulkhead/ledger/tiles"
)

const origin = "low.ledger.example"

// book signs checkpoints over made-up entries, and gives the hashes under them.
type book struct {
	signer note.Signer
	keys   []note.Verifier
	files  map[string][]byte
}

func newBook(t *testing.T) *book {
	t.Helper()
	private, public, err := note.GenerateKey(rand.Reader, origin)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(private)
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := note.NewVerifier(public)
	if err != nil {
		t.Fatal(err)
	}
	return &book{signer, []note.Verifier{verifier}, map[string][]byte{}}
}

// sign writes a log of so many entries, those from fork on of another history,
// and signs it.
func (b *book) sign(t *testing.T, size, fork int) []byte {
	t.Helper()
	edge := &tiles.Edge{}
	clear(b.files)
	for i := range size {
		text := fmt.Sprintf("entry %d", i)
		if i >= fork {
			text += " of another history"
		}
		edge.Add(tlog.RecordHash([]byte(text)), func(level int, n int64, tile []byte) {
			b.files[tiles.Resource{Level: level, N: n, Width: tiles.Width}.Path()] = append([]byte(nil), tile...)
		})
	}
	for level, tile := range edge.Levels {
		if len(tile) > 0 {
			b.files[tiles.TilePath(level, int64(size)>>(tiles.Height*(level+1)), int64(size))] = append([]byte(nil), tile...)
		}
	}
	root, err := edge.Root()
	if err != nil {
		t.Fatal(err)
	}
	signed, err := tiles.Checkpoint{Origin: origin, Size: int64(size), Root: root}.Sign(b.signer)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

func (b *book) read(name string) ([]byte, error) {
	if data, ok := b.files[name]; ok {
		return data, nil
	}
	return nil, &fs.PathError{Op: "read", Path: name, Err: fs.ErrNotExist}
}

const noFork = 1 << 30

// stored is a place that tests look into.
type stored struct {
	copier.Place
	names func() []string
}

// places are one of each kind.
func places(t *testing.T) map[string]stored {
	dir := filepath.Join(t.TempDir(), "far", "copies")
	var mu sync.Mutex
	held := map[string][]byte{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		name := path.Base(r.URL.Path)
		if r.Header.Get("Authorization") != "Bearer t0ken" || path.Dir(r.URL.Path) != "/low" {
			http.Error(w, "no", http.StatusTeapot)
			return
		}
		switch r.Method {
		case http.MethodPut:
			held[name], _ = io.ReadAll(r.Body)
			w.WriteHeader(http.StatusCreated)
		case http.MethodGet:
			if held[name] == nil {
				http.NotFound(w, r)
				return
			}
			w.Write(held[name])
		}
	}))
	t.Cleanup(server.Close)
	return map[string]stored{
		"folder": {copier.Folder{Dir: dir}, func() (names []string) {
			all, _ := os.ReadDir(dir)
			for _, e := range all {
				names = append(names, e.Name())
			}
			return names
		}},
		"address": {copier.NewAddress(server.URL+"/low", nil, func() (string, error) { return "t0ken", nil }), func() (names []string) {
			mu.Lock()
			defer mu.Unlock()
			for name := range held {
				names = append(names, name)
			}
			return names
		}},
	}
}

// tries gives a copier whose every try is told in the channel.
func tries(t *testing.T, o copier.Options) (*copier.Copier, <-chan copier.State) {
	t.Helper()
	told := make(chan copier.State, 1000)
	o.Told = func(s copier.State) { told <- s }
	c := copier.New(o)
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = c.Close(ctx)
	})
	return c, told
}

func next(t *testing.T, told <-chan copier.State) copier.State {
	t.Helper()
	select {
	case s := <-told:
		return s
	case <-time.After(20 * time.Second):
		t.Fatal("nothing was tried")
		return copier.State{}
	}
}

func TestCopier_KeepsTheNewestAndEachUnderItsSize(t *testing.T) {
	for kind, place := range places(t) {
		t.Run(kind, func(t *testing.T) {
			b := newBook(t)
			c, told := tries(t, copier.Options{Keys: b.keys, Log: b.read})
			var last []byte
			for i, size := range []int{3, 258, 600} {
				last = b.sign(t, size, noFork)
				c.Offer(last)
				if i == 0 {
					c.Use([]copier.Target{{Name: kind, Key: kind, Every: time.Millisecond, Place: place}})
				}
				if s := next(t, told); s.Err != nil || s.Copied != int64(size) || s.Behind != 0 || s.Last.IsZero() || s.Failures != 0 {
					t.Fatalf("after %d entries: %+v", size, s)
				}
			}
			names := place.names()
			for _, want := range []string{"checkpoint", "checkpoint.3", "checkpoint.258", "checkpoint.600"} {
				got, err := place.Read(t.Context(), want)
				if err != nil {
					t.Errorf("%s: %v", want, err)
				} else if _, err := tiles.OpenCheckpoint(got, b.keys...); err != nil {
					t.Errorf("%s: %v", want, err)
				}
			}
			if len(names) != 4 {
				t.Errorf("the place has %v", names)
			}
			if got, _ := place.Read(t.Context(), "checkpoint"); string(got) != string(last) {
				t.Errorf("newest: %q", got)
			}
		})
	}
}

func TestCopier_TakesNothingToAPlaceThatKnowsAnotherHistory(t *testing.T) {
	for kind, place := range places(t) {
		t.Run(kind, func(t *testing.T) {
			b := newBook(t)
			once := func(b *book, signed []byte) copier.State {
				c, told := tries(t, copier.Options{Keys: b.keys, Log: b.read})
				c.Offer(signed)
				c.Use([]copier.Target{{Name: kind, Key: kind, Place: place}})
				return next(t, told)
			}
			kept := b.sign(t, 400, noFork)
			if s := once(b, kept); s.Err != nil {
				t.Fatal(s.Err)
			}
			other := newBook(t)
			for name, c := range map[string]struct {
				of         *book
				size, fork int
				want       string
			}{
				"rolled back":             {b, 300, noFork, "rolled back"},
				"forked":                  {b, 500, 399, "forked"},
				"forked, as long as kept": {b, 400, 10, "forked"},
				"begun anew":              {other, 500, noFork, "not signed by this log's key"},
			} {
				s := once(c.of, c.of.sign(t, c.size, c.fork))
				if !errors.Is(s.Err, copier.ErrDiverged) || !strings.Contains(s.Err.Error(), c.want) || s.Failures != 1 || s.Copied != -1 {
					t.Errorf("%s: %+v", name, s)
				}
			}
			if got, _ := place.Read(t.Context(), "checkpoint"); string(got) != string(kept) || len(place.names()) != 2 {
				t.Errorf("what was kept was changed: %v", place.names())
			}
			if s := once(b, b.sign(t, 401, noFork)); s.Err != nil {
				t.Errorf("the log itself, grown: %v", s.Err)
			}
		})
	}
}

// gate is a place whose writes wait until they may, and fail as they are told.
type gate struct {
	enter chan string
	leave chan error
}

func (g *gate) Read(context.Context, string) ([]byte, error) { return nil, copier.ErrUnreadable }

func (g *gate) Write(ctx context.Context, name string, _ []byte) error {
	select {
	case g.enter <- name:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-g.leave:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func TestCopier_OfferWaitsForNothingAndTheNewestWins(t *testing.T) {
	b := newBook(t)
	c, told := tries(t, copier.Options{})
	g := &gate{make(chan string), make(chan error)}
	c.Use([]copier.Target{{Name: "slow", Key: "slow", Every: time.Millisecond, Place: g}})
	c.Offer(b.sign(t, 1, noFork))
	if name := <-g.enter; name != "checkpoint.1" {
		t.Fatal(name)
	}
	for size := 2; size <= 50; size++ { // while the place takes the first
		c.Offer(b.sign(t, size, noFork))
	}
	if s := c.State()[0]; s.Behind != 50 || s.Copied != -1 {
		t.Errorf("meanwhile: %+v", s)
	}
	g.leave <- nil
	<-g.enter
	g.leave <- nil
	if s := next(t, told); s.Copied != 1 || s.Behind != 49 {
		t.Errorf("first: %+v", s)
	}
	if name := <-g.enter; name != "checkpoint.50" {
		t.Errorf("then %s; want the newest alone", name)
	}
}

func TestCopier_TriesAgainWithTheNewestAfterAFailure(t *testing.T) {
	b := newBook(t)
	c, told := tries(t, copier.Options{})
	g := &gate{make(chan string), make(chan error)}
	c.Use([]copier.Target{{Name: "ill", Key: "ill", Every: 2 * time.Millisecond, Place: g}})
	c.Offer(b.sign(t, 1, noFork))
	for i := range int64(3) {
		<-g.enter
		g.leave <- errors.New("no room")
		if s := next(t, told); s.Err == nil || s.Failures != i+1 || s.Behind != 1 {
			t.Fatalf("try %d: %+v", i, s)
		}
	}
	c.Offer(b.sign(t, 7, noFork))
	for {
		name := <-g.enter
		g.leave <- nil
		if name == "checkpoint" {
			break
		}
	}
	for s := next(t, told); ; s = next(t, told) {
		if s.Err != nil || s.Failures != 3 {
			t.Fatalf("mended: %+v", s)
		}
		if s.Copied == 7 {
			return
		}
		<-g.enter // it was on its way with the first
		g.leave <- nil
		<-g.enter
		g.leave <- nil
	}
}

func TestCopier_CloseTakesTheLastOne(t *testing.T) {
	for kind, place := range places(t) {
		b := newBook(t)
		c, told := tries(t, copier.Options{Keys: b.keys, Log: b.read})
		c.Use([]copier.Target{{Name: kind, Key: kind, Every: time.Hour, Place: place}})
		c.Offer(b.sign(t, 2, noFork))
		next(t, told)
		last := b.sign(t, 9, noFork)
		c.Offer(last)
		if err := c.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got, _ := place.Read(t.Context(), "checkpoint"); string(got) != string(last) {
			t.Errorf("%s: the last one is not there: %q", kind, got)
		}
	}
	b := newBook(t)
	c, _ := tries(t, copier.Options{})
	c.Use([]copier.Target{{Name: "stuck", Key: "stuck", Place: &gate{make(chan string), make(chan error)}}})
	c.Offer(b.sign(t, 2, noFork))
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := c.Close(ctx); err == nil || !strings.Contains(err.Error(), "not at stuck") {
		t.Errorf("a place that is stuck: %v", err)
	}
}

func TestCopier_UseKeepsWhatStays(t *testing.T) {
	b := newBook(t)
	c, told := tries(t, copier.Options{})
	one, two := copier.Folder{Dir: t.TempDir()}, copier.Folder{Dir: t.TempDir()}
	c.Offer(b.sign(t, 5, noFork))
	c.Use([]copier.Target{{Name: "one", Key: "1", Place: one}})
	next(t, told)
	c.Use([]copier.Target{{Name: "two", Key: "2", Place: two}, {Name: "one", Key: "1", Place: one}})
	if s := next(t, told); s.Name != "two" || s.Err != nil {
		t.Errorf("the new one: %+v", s)
	}
	if s := c.State(); len(s) != 2 || s[1].Name != "one" || s[1].Copied != 5 {
		t.Errorf("the one that stays has forgotten: %+v", s)
	}
	c.Use(nil)
	if s := c.State(); len(s) != 0 {
		t.Errorf("after all went: %+v", s)
	}
}

func TestAddress_AsksNobodyElseAndSaysNothingSecret(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a redirect was followed") }))
	defer elsewhere.Close()
	status := http.StatusTemporaryRedirect
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", elsewhere.URL)
		w.WriteHeader(status)
		fmt.Fprint(w, "t0ken")
	}))
	defer server.Close()
	t.Setenv("HTTP_PROXY", elsewhere.URL)
	a := copier.NewAddress(server.URL, nil, func() (string, error) { return "t0ken", nil })
	for _, status = range []int{307, 400, 401, 500} {
		_, readErr := a.Read(t.Context(), "checkpoint")
		writeErr := a.Write(t.Context(), "checkpoint", []byte("x"))
		if readErr == nil || writeErr == nil || strings.Contains(readErr.Error()+writeErr.Error(), "t0ken") {
			t.Errorf("status %d: %v, %v", status, readErr, writeErr)
		}
		if errors.Is(readErr, copier.ErrUnreadable) != (status == 401) {
			t.Errorf("status %d: %v", status, readErr)
		}
	}
}
