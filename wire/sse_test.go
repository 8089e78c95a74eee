package wire_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"bulkhead/wire"
)

// events reads a whole stream, given n bytes a read.
func events(t testing.TB, src io.Reader, limit int) (got []wire.Event, rest string, err error) {
	t.Helper()
	var r wire.EventReader
	r.Reset(src, make([]byte, 16), limit)
	for {
		err := r.Fill()
		for {
			e, ok := r.Next()
			if !ok {
				break
			}
			got = append(got, wire.Event{Raw: bytes.Clone(e.Raw), Data: bytes.Clone(e.Data), Type: bytes.Clone(e.Type)})
		}
		if err == io.EOF {
			return got, string(r.Rest()), nil
		}
		if err != nil {
			return got, string(r.Rest()), err
		}
	}
}

func TestEventReader_ReadsEveryLineEndWholeAndByteByByte(t *testing.T) {
	for _, tt := range []struct{ name, in, want, rest string }{
		{"LF", "data: a\n\ndata: b\n\n", "a|b", ""},
		{"CRLF", "data: a\r\n\r\ndata: b\r\n\r\n", "a|b", ""},
		{"CR", "data: a\r\rdata: b\r\r", "a|b", ""},
		{"mixed", "data: a\r\n\ndata: b\n\r\n", "a|b", ""},
		{"no space", "data:a\n\n", "a", ""},
		{"two spaces keep one", "data:  a\n\n", " a", ""},
		{"lines joined", "data: a\ndata: b\ndata: c\n\n", "a\nb\nc", ""},
		{"empty data", "data\n\n", "", ""},
		{"comment", ": ping\n\ndata: a\n\n", "-|a", ""},
		{"other fields", "id: 1\nevent: x\nretry: 5\ndata: a\n\n", "a", ""},
		{"unterminated", "data: a\n\ndata: b\n", "a", "data: b\n"},
		{"colon in data", "data: {\"a\":1}\n\n", `{"a":1}`, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for mode, src := range map[string]io.Reader{
				"whole":         strings.NewReader(tt.in),
				"by byte":       iotest.OneByteReader(strings.NewReader(tt.in)),
				"data with EOF": iotest.DataErrReader(strings.NewReader(tt.in)),
			} {
				got, rest, err := events(t, src, 1<<20)
				if err != nil {
					t.Fatal(mode, err)
				}
				var data []string
				var raw strings.Builder
				for _, e := range got {
					raw.Write(e.Raw)
					if e.Data == nil {
						data = append(data, "-")
						continue
					}
					data = append(data, string(e.Data))
				}
				if g := strings.Join(data, "|"); g != tt.want || rest != tt.rest {
					t.Errorf("%s: data %q rest %q, want %q and %q", mode, g, rest, tt.want, tt.rest)
				}
				if raw.String()+rest != tt.in {
					t.Errorf("%s: raw bytes %q differ from what came, %q", mode, raw.String()+rest, tt.in)
				}
			}
		})
	}
}

func TestEventReader_RefusesAnEventOverItsLimit(t *testing.T) {
	_, _, err := events(t, strings.NewReader("data: "+strings.Repeat("x", 100)+"\n\n"), 64)
	if !errors.Is(err, wire.ErrEventTooLarge) {
		t.Fatalf("got %v, want ErrEventTooLarge", err)
	}
}

func FuzzEventReader(f *testing.F) {
	for _, s := range seeds(f, "*.sse") {
		f.Add(s, byte(7))
	}
	f.Add([]byte("data: a\r\r\n\rdata: b"), byte(1))
	f.Fuzz(func(t *testing.T, in []byte, n byte) {
		whole, wholeRest, err := events(t, bytes.NewReader(in), 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		cut, cutRest, err := events(t, &chunks{in, int(n)%13 + 1}, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		if len(whole) != len(cut) || wholeRest != cutRest {
			t.Fatalf("cut into pieces the stream has %d events and rest %q, whole it has %d and %q", len(cut), cutRest, len(whole), wholeRest)
		}
		var raw []byte
		for i := range whole {
			if !bytes.Equal(whole[i].Raw, cut[i].Raw) || !bytes.Equal(whole[i].Data, cut[i].Data) {
				t.Fatalf("event %d is %q when cut and %q when whole", i, cut[i].Raw, whole[i].Raw)
			}
			raw = append(raw, whole[i].Raw...)
		}
		if got := string(raw) + wholeRest; got != string(in) {
			t.Fatalf("the events' bytes are %q, the stream was %q", got, in)
		}
	})
}

// chunks gives n bytes a read.
type chunks struct {
	b []byte
	n int
}

func (c *chunks) Read(p []byte) (int, error) {
	if len(c.b) == 0 {
		return 0, io.EOF
	}
	n := copy(p, c.b[:min(c.n, len(c.b))])
	c.b = c.b[n:]
	return n, nil
}
