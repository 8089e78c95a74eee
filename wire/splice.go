package wire

import "io"

// Edit replaces the bytes of a span by others; an empty span inserts.
type Edit struct {
	Span
	With []byte
}

// Splice is a text with some spans replaced. All other bytes go out as they
// came in, and are not copied before they are written. Edits are in order of
// place and do not overlap.
type Splice struct {
	Body  []byte
	Edits []Edit
}

// Len is the length of the text with its edits, in bytes.
func (s Splice) Len() int {
	n := len(s.Body)
	for _, e := range s.Edits {
		n += len(e.With) - (e.End - e.Start)
	}
	return n
}

// WriteTo writes the text with its edits.
func (s Splice) WriteTo(w io.Writer) (int64, error) {
	var total int64
	write := func(b []byte) error {
		if len(b) == 0 {
			return nil
		}
		n, err := w.Write(b)
		total += int64(n)
		return err
	}
	at := 0
	for _, e := range s.Edits {
		if err := write(s.Body[at:e.Start]); err != nil {
			return total, err
		}
		if err := write(e.With); err != nil {
			return total, err
		}
		at = e.End
	}
	return total, write(s.Body[at:])
}

// Append appends the text with its edits to dst.
func (s Splice) Append(dst []byte) []byte {
	at := 0
	for _, e := range s.Edits {
		dst = append(append(dst, s.Body[at:e.Start]...), e.With...)
		at = e.End
	}
	return append(dst, s.Body[at:]...)
}
