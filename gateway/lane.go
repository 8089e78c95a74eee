package gateway

import (
	"io"

	"bulkhead/call"
	"bulkhead/fault"
)

// heard is what a reply says of itself as it passes.
type heard struct {
	usage   call.Usage // the last the vendor said; it is cumulative, so never added up
	finish  string
	text    int  // bytes of text so far, for an estimate
	content bool // any content has come
	failed  bool // the vendor said in-band that it failed, and the caller has been told so
	ended   bool // the stream has come to its end: its tail is held back
	events  int  // events that held data; a vendor's pings do not count
	minted  minted
}

// lane carries one attempt's reply from the vendor's words to the caller's. The
// relay lane passes the bytes on, the translate lane spells them anew; both
// read what the reply says of itself. A lane is of one attempt.
type lane interface {
	// whole takes the body of a unary reply, and gives what the caller gets.
	whole(body []byte) ([]byte, error)

	// start begins a stream.
	start(src io.Reader)

	// fill waits for more of the stream. At its end it gives nil if the stream
	// may end there, and io.EOF if not.
	fill() error

	// next takes the next frame that is held, and gives put what of it the
	// caller gets at once. It says no when none is held. An error is put's, or
	// says that the stream is not what it should be.
	next(put func([]byte) error) (bool, error)

	// tail is what was held back of a stream that has ended.
	tail() []byte

	// fail is how the caller is told in-band that the reply breaks off.
	fail(f *fault.Fault) []byte

	heard() *heard
}

// consumed gives the vendor's count, or an estimate marked as one.
func consumed(said call.Usage, bytesIn int64, text int) call.Usage {
	if said.Known {
		return said
	}
	return call.Usage{ // never zero: something was read, and something done
		Known: true, Estimated: true,
		Input:  max(1, (bytesIn+bytesAToken-1)/bytesAToken),
		Output: max(1, (int64(text)+bytesAToken-1)/bytesAToken),
	}
}
