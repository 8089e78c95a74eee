package anthropic_test

import (
	"errors"
	"io"
	"testing"

	"bulkhead/chat"
	"bulkhead/dialect"
)

// pieces is a reader that gives bytes in pieces of these sizes, over and over.
type pieces struct {
	b     []byte
	sizes []int
	n     int
}

func (p *pieces) Read(to []byte) (int, error) {
	if len(p.b) == 0 {
		return 0, io.EOF
	}
	n := len(p.b)
	if len(p.sizes) > 0 {
		n = p.sizes[p.n%len(p.sizes)]
		p.n++
	}
	n = copy(to, p.b[:min(n, len(p.b))])
	p.b = p.b[n:]
	return n, nil
}

// drain reads a stream to its end.
func drain(d dialect.StreamDecoder, emit chat.Sink) error {
	for {
		for {
			frame, err := d.Next(emit)
			if err != nil {
				return err
			}
			if frame == nil {
				break
			}
		}
		if err := d.Fill(); errors.Is(err, io.EOF) {
			for {
				frame, err := d.Next(emit)
				if err != nil {
					return err
				}
				if frame == nil {
					return d.Close(emit)
				}
			}
		} else if err != nil {
			return err
		}
	}
}

func marshal(t testing.TB, v any) string {
	t.Helper()
	b, err := chat.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func marshalled(v any) (string, error) {
	b, err := chat.Marshal(v)
	return string(b), err
}
