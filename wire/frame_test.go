package wire_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"pgregory.net/rapid"

	"bulkhead/wire"
)

// frames reads a whole event stream; each frame is told in text.
func frames(src io.Reader, limit int) (got []string, raw []byte, rest string, err error) {
	var r wire.FrameReader
	r.Reset(src, make([]byte, 16), limit)
	for {
		filled := r.Fill()
		for {
			f, ok, err := r.Next()
			if err != nil {
				return got, raw, string(r.Rest()), err
			}
			if !ok {
				break
			}
			got = append(got, told(f))
			raw = append(raw, f.Raw...)
		}
		if filled == io.EOF {
			return got, raw, string(r.Rest()), nil
		}
		if filled != nil {
			return got, raw, string(r.Rest()), filled
		}
	}
}

// told writes a frame out.
func told(f wire.Frame) string {
	var b strings.Builder
	for _, h := range f.Headers {
		fmt.Fprintf(&b, "%s=%v ", h.Name, value(h))
	}
	return b.String() + "| " + string(f.Payload)
}

// value gives a header's value as the vectors write it.
func value(h wire.FrameHeader) any {
	switch h.Type {
	case wire.HeaderTrue, wire.HeaderFalse:
		return h.Bool()
	case wire.HeaderText:
		return string(h.Value)
	case wire.HeaderBytes, wire.HeaderUUID:
		return "hex:" + hex.EncodeToString(h.Value)
	}
	return float64(h.Int())
}

type vector struct {
	Name        string
	Hex         string
	Prelude     string `json:"prelude_hex"`
	Payload     string `json:"payload_hex"`
	Headers     map[string]any
	ExpectError string `json:"expect_error"`
}

func (v vector) bytes(t testing.TB) []byte {
	b, err := hex.DecodeString(v.Hex + v.Prelude)
	if err != nil || len(b) == 0 {
		t.Fatal(v.Name, err)
	}
	return b
}

func vectors(t testing.TB) []vector {
	b, err := os.ReadFile("testdata/eventstream/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []vector
	if err := json.Unmarshal(b, &all); err != nil || len(all) != 16 {
		t.Fatalf("%d vectors, %v", len(all), err)
	}
	return all
}

func recordedStreams(t testing.TB) map[string][]byte {
	names, err := filepath.Glob("testdata/eventstream/*.bin")
	if err != nil || len(names) < 16 {
		t.Fatalf("%d recorded streams, %v", len(names), err)
	}
	all := map[string][]byte{}
	for _, name := range names {
		if all[filepath.Base(name)], err = os.ReadFile(name); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

func TestFrameReader_HoldsTheVendorsVectors(t *testing.T) {
	why := map[string]error{
		"ChecksumMismatch":     wire.ErrFrameChecksum,
		"DuplicateHeader":      wire.ErrFrameMalformed,
		"InvalidHeadersLength": wire.ErrFrameMalformed,
		"InvalidPayloadLength": wire.ErrFrameTooLarge,
	}
	for _, v := range vectors(t) {
		t.Run(v.Name, func(t *testing.T) {
			in := v.bytes(t)
			var r wire.FrameReader
			r.Reset(bytes.NewReader(in), nil, 32<<20)
			if err := r.Fill(); err != nil {
				t.Fatal(err)
			}
			f, ok, err := r.Next()
			if v.ExpectError != "" {
				if want := why[v.ExpectError]; want == nil || !errors.Is(err, want) || ok {
					t.Fatalf("got %v, %v; want %v (%s)", ok, err, want, v.ExpectError)
				}
				if _, _, again := r.Next(); again != err {
					t.Errorf("asked again: %v", again)
				}
				if again := r.Fill(); again != err {
					t.Errorf("filled again: %v", again)
				}
				return
			}
			if err != nil || !ok || !bytes.Equal(f.Raw, in) || hex.EncodeToString(f.Payload) != v.Payload {
				t.Fatalf("got %v, %v, payload %x", ok, err, f.Payload)
			}
			got := map[string]any{}
			for _, h := range f.Headers {
				got[string(h.Name)] = value(h)
			}
			if fmt.Sprint(got) != fmt.Sprint(v.Headers) {
				t.Errorf("headers %v, want %v", got, v.Headers)
			}
			if again := rebuilt(t, nil, f); !bytes.Equal(again, in) {
				t.Errorf("built again it is %x, it came as %x", again, in)
			}
		})
	}
}

// rebuilt writes a frame that was read.
func rebuilt(t testing.TB, dst []byte, f wire.Frame) []byte {
	b := wire.BeginFrame(dst)
	for _, h := range f.Headers {
		name := string(h.Name)
		switch h.Type {
		case wire.HeaderTrue, wire.HeaderFalse:
			b.Bool(name, h.Bool())
		case wire.HeaderInt8:
			b.Int8(name, int8(h.Int()))
		case wire.HeaderInt16:
			b.Int16(name, int16(h.Int()))
		case wire.HeaderInt32:
			b.Int32(name, int32(h.Int()))
		case wire.HeaderInt64:
			b.Int64(name, h.Int())
		case wire.HeaderBytes:
			b.Bytes(name, h.Value)
		case wire.HeaderText:
			b.Text(name, string(h.Value))
		case wire.HeaderTime:
			b.Time(name, h.Time())
		case wire.HeaderUUID:
			b.UUID(name, [16]byte(h.Value))
		}
	}
	b.Payload(f.Payload)
	out, err := b.End()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestFrameReader_ReadsRecordedStreamsCutAtEveryBoundary(t *testing.T) {
	for name, in := range recordedStreams(t) {
		t.Run(name, func(t *testing.T) {
			want, raw, rest, err := frames(bytes.NewReader(in), 1<<20)
			if err != nil || rest != "" || len(want) == 0 || !bytes.Equal(raw, in) {
				t.Fatalf("whole: %d frames, rest %q, %v", len(want), rest, err)
			}
			for cut := range len(in) {
				two := io.MultiReader(bytes.NewReader(in[:cut]), bytes.NewReader(in[cut:]))
				if got, _, rest, err := frames(two, 1<<20); err != nil || rest != "" || strings.Join(got, "\n") != strings.Join(want, "\n") {
					t.Fatalf("cut at %d: %d frames, rest %q, %v", cut, len(got), rest, err)
				}
				got, raw, rest, err := frames(bytes.NewReader(in[:cut]), 1<<20)
				if err != nil || string(raw)+rest != string(in[:cut]) || len(got) > len(want) || rest == "" && cut != len(raw) {
					t.Fatalf("truncated at %d: %d frames, rest of %d bytes, %v", cut, len(got), len(rest), err)
				}
			}
			if got, _, _, err := frames(iotest.OneByteReader(bytes.NewReader(in)), 1<<20); err != nil || len(got) != len(want) {
				t.Errorf("byte by byte: %d frames, %v", len(got), err)
			}
			if got, _, _, err := frames(iotest.DataErrReader(bytes.NewReader(in)), 1<<20); err != nil || len(got) != len(want) {
				t.Errorf("data with EOF: %d frames, %v", len(got), err)
			}
		})
	}
}

func TestFrameReader_NoticesEveryFlippedBit(t *testing.T) {
	in := recordedStreams(t)["converse-stream-unmodelled-error.bin"]
	want, _, _, err := frames(bytes.NewReader(in), 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	for i := range in {
		for bit := range 8 {
			bad := bytes.Clone(in)
			bad[i] ^= 1 << bit
			if got, _, _, err := frames(bytes.NewReader(bad), 1<<20); !errors.Is(err, wire.ErrFrameChecksum) || len(got) >= len(want) {
				t.Fatalf("byte %d bit %d flipped: %d frames, %v", i, bit, len(got), err)
			}
		}
	}
}

func TestFrameReader_BoundsAFrame(t *testing.T) {
	b := wire.BeginFrame(nil)
	b.Text(":event-type", "chunk")
	b.Payload(make([]byte, 1000))
	in, err := b.End()
	if err != nil {
		t.Fatal(err)
	}
	if got, _, _, err := frames(bytes.NewReader(in), len(in)); err != nil || len(got) != 1 {
		t.Errorf("at the limit: %d, %v", len(got), err)
	}
	for _, limit := range []int{len(in) - 1, 100, 16, 0} {
		if _, _, _, err := frames(bytes.NewReader(in), limit); !errors.Is(err, wire.ErrFrameTooLarge) {
			t.Errorf("limit %d: %v", limit, err)
		}
	}
}

func TestFrameReader_DoesNotTrustAnAnnouncedLength(t *testing.T) {
	b := wire.BeginFrame(nil)
	b.Payload(make([]byte, 20<<20))
	in, err := b.End()
	if err != nil {
		t.Fatal(err)
	}
	var r wire.FrameReader
	allocated := testing.AllocsPerRun(1, func() {
		r.Reset(bytes.NewReader(in[:13]), make([]byte, 64), 32<<20)
		if err := r.Fill(); err != nil {
			t.Fatal(err)
		}
		if _, ok, err := r.Next(); ok || err != nil {
			t.Fatal(ok, err)
		}
		if err := r.Fill(); err != io.EOF {
			t.Fatal(err)
		}
	})
	if allocated > 3 { // the small buffer and the reader of the test
		t.Errorf("%v allocations for 13 bytes", allocated)
	}
}

func TestFrameBuilder_RefusesWhatNoFrameMayHave(t *testing.T) {
	for name, tt := range map[string]struct {
		write func(*wire.FrameBuilder)
		want  error
	}{
		"no name":         {func(b *wire.FrameBuilder) { b.Text("", "v") }, wire.ErrFrameMalformed},
		"long name":       {func(b *wire.FrameBuilder) { b.Bool(strings.Repeat("n", 256), true) }, wire.ErrFrameMalformed},
		"name not UTF-8":  {func(b *wire.FrameBuilder) { b.Int8("\xff", 1) }, wire.ErrFrameMalformed},
		"text not UTF-8":  {func(b *wire.FrameBuilder) { b.Text("n", "\xff") }, wire.ErrFrameMalformed},
		"long text":       {func(b *wire.FrameBuilder) { b.Text("n", strings.Repeat("v", 1<<16)) }, wire.ErrFrameMalformed},
		"long bytes":      {func(b *wire.FrameBuilder) { b.Bytes("n", make([]byte, 1<<16)) }, wire.ErrFrameMalformed},
		"a name twice":    {func(b *wire.FrameBuilder) { b.Text("n", "v"); b.UUID("m", [16]byte{}); b.Int64("n", 1) }, wire.ErrFrameMalformed},
		"a header behind": {func(b *wire.FrameBuilder) { b.Payload(nil); b.Int16("n", 1) }, wire.ErrFrameMalformed},
		"too many headers": {func(b *wire.FrameBuilder) {
			for i := range 129 {
				b.Int32(fmt.Sprint(i), 1)
			}
		}, wire.ErrFrameMalformed},
		"too many header bytes": {func(b *wire.FrameBuilder) {
			for i := range 3 {
				b.Bytes(fmt.Sprint(i), make([]byte, 60<<10))
			}
		}, wire.ErrFrameTooLarge},
		"too large a payload": {func(b *wire.FrameBuilder) { b.Payload(make([]byte, 24<<20+1)) }, wire.ErrFrameTooLarge},
	} {
		b := wire.BeginFrame([]byte("before"))
		tt.write(&b)
		if got, err := b.End(); !errors.Is(err, tt.want) || string(got) != "before" {
			t.Errorf("%s: %q, %v; want %v", name, got[:min(len(got), 20)], err, tt.want)
		}
	}
}

func TestFrame_SurvivesTheRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var buf []byte
		var want []string
		for range rapid.IntRange(1, 4).Draw(t, "frames") {
			b := wire.BeginFrame(buf)
			var text strings.Builder
			for _, name := range rapid.SliceOfNDistinct(rapid.StringN(1, 20, 60), 0, 6, rapid.ID[string]).Draw(t, "names") {
				var v any
				switch wire.HeaderType(rapid.IntRange(1, 9).Draw(t, "type")) {
				case wire.HeaderFalse:
					x := rapid.Bool().Draw(t, "v")
					b.Bool(name, x)
					v = x
				case wire.HeaderInt8:
					x := rapid.Int8().Draw(t, "v")
					b.Int8(name, x)
					v = float64(x)
				case wire.HeaderInt16:
					x := rapid.Int16().Draw(t, "v")
					b.Int16(name, x)
					v = float64(x)
				case wire.HeaderInt32:
					x := rapid.Int32().Draw(t, "v")
					b.Int32(name, x)
					v = float64(x)
				case wire.HeaderInt64:
					x := rapid.Int64().Draw(t, "v")
					b.Int64(name, x)
					v = float64(x)
				case wire.HeaderTime:
					x := rapid.Int64Range(-1<<50, 1<<50).Draw(t, "v")
					b.Time(name, time.UnixMilli(x))
					v = float64(x)
				case wire.HeaderBytes:
					x := rapid.SliceOfN(rapid.Byte(), 0, 50).Draw(t, "v")
					b.Bytes(name, x)
					v = "hex:" + hex.EncodeToString(x)
				case wire.HeaderText:
					x := rapid.String().Draw(t, "v")
					b.Text(name, x)
					v = x
				case wire.HeaderUUID:
					x := [16]byte(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "v"))
					b.UUID(name, x)
					v = "hex:" + hex.EncodeToString(x[:])
				}
				fmt.Fprintf(&text, "%s=%v ", name, v)
			}
			payload := rapid.SliceOf(rapid.Byte()).Draw(t, "payload")
			half := rapid.IntRange(0, len(payload)).Draw(t, "half")
			b.Payload(payload[:half])
			b.Payload(payload[half:])
			var err error
			if buf, err = b.End(); err != nil {
				t.Fatal(err)
			}
			want = append(want, text.String()+"| "+string(payload))
		}
		got, _, rest, err := frames(&chunks{buf, rapid.IntRange(1, 40).Draw(t, "chunk")}, math.MaxInt32)
		if err != nil || rest != "" || strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Fatalf("got %q (rest %q, %v), want %q", got, rest, err, want)
		}
	})
}

func TestFrame_CostsNoAllocation(t *testing.T) {
	buf := make([]byte, 0, 1<<10)
	payload := []byte(`{"contentBlockIndex":0,"delta":{"text":"Hello"},"p":"abcdefghijk"}`)
	if n := testing.AllocsPerRun(100, func() {
		b := wire.BeginFrame(buf[:0])
		b.Text(":event-type", "contentBlockDelta")
		b.Text(":content-type", "application/json")
		b.Text(":message-type", "event")
		b.Payload(payload)
		if _, err := b.End(); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("to build a frame takes %v allocations", n)
	}
	in := recordedStreams(t)["converse-stream-text.bin"]
	var r wire.FrameReader
	var src bytes.Reader
	read := make([]byte, 4<<10)
	if n := testing.AllocsPerRun(100, func() {
		src.Reset(in)
		r.Reset(&src, read, 1<<20)
		for r.Fill() == nil {
			for {
				f, ok, err := r.Next()
				if err != nil {
					t.Fatal(err)
				}
				if !ok {
					break
				}
				if f.Text(":message-type") == nil {
					t.Fatal("a frame without :message-type")
				}
			}
		}
	}); n != 0 {
		t.Errorf("to read a stream takes %v allocations", n)
	}
}

func FuzzFrameReader(f *testing.F) {
	for _, b := range recordedStreams(f) {
		f.Add(b, byte(7))
	}
	for _, v := range vectors(f) {
		f.Add(v.bytes(f), byte(1))
	}
	f.Fuzz(func(t *testing.T, in []byte, n byte) {
		whole, raw, rest, err := frames(bytes.NewReader(in), 64<<10)
		cut, _, cutRest, cutErr := frames(&chunks{in, int(n)%13 + 1}, 64<<10)
		if strings.Join(whole, "\x00") != strings.Join(cut, "\x00") || (err == nil) != (cutErr == nil) || err == nil && rest != cutRest {
			t.Fatalf("whole: %q, %v; cut: %q, %v", whole, err, cut, cutErr)
		}
		if err == nil && string(raw)+rest != string(in) {
			t.Fatal("bytes were lost")
		}
		var r wire.FrameReader
		r.Reset(bytes.NewReader(in), nil, 64<<10)
		for r.Fill() == nil {
			for {
				fr, ok, err := r.Next()
				if err != nil {
					return
				}
				if !ok {
					break
				}
				if again := rebuilt(t, nil, fr); !bytes.Equal(again, fr.Raw) {
					t.Fatalf("built again %x, came as %x", again, fr.Raw)
				}
			}
		}
	})
}

func BenchmarkFrameReader(b *testing.B) {
	in := recordedStreams(b)["converse-stream-text.bin"]
	var r wire.FrameReader
	var src bytes.Reader
	read := make([]byte, 8<<10)
	b.SetBytes(int64(len(in)))
	n := 0
	for b.Loop() {
		src.Reset(in)
		r.Reset(&src, read, 1<<20)
		for n = 0; r.Fill() == nil; {
			for {
				_, ok, err := r.Next()
				if err != nil {
					b.Fatal(err)
				}
				if !ok {
					break
				}
				n++
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/frame")
}

func BenchmarkFrameBuilder(b *testing.B) {
	buf := make([]byte, 0, 1<<10)
	payload := []byte(`{"contentBlockIndex":0,"delta":{"text":"Hello"},"p":"abcdefghijk"}`)
	for b.Loop() {
		f := wire.BeginFrame(buf[:0])
		f.Text(":event-type", "contentBlockDelta")
		f.Text(":content-type", "application/json")
		f.Text(":message-type", "event")
		f.Payload(payload)
		if _, err := f.End(); err != nil {
			b.Fatal(err)
		}
	}
}
