package sim

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"math"
)

const (
	sampleRate      = 24000 // as OpenAI's pcm16 has it
	samplesPerToken = sampleRate / 20
)

// tone says tokens aloud as 16-bit mono sound at 24 kHz: a twentieth of a second each, its pitch by the token.
func tone(tokens []string) []byte {
	out := make([]byte, 0, 2*samplesPerToken*len(tokens))
	for _, t := range tokens {
		pitch := 200 + float64(diceFor("pitch", t).below(400))
		for i := range samplesPerToken {
			s := int16(6000 * math.Sin(2*math.Pi*pitch*float64(i)/sampleRate))
			out = binary.LittleEndian.AppendUint16(out, uint16(s))
		}
	}
	return out
}

// encode gives the sound of tokens in the asked format, as base64.
func (f *audioFormat) encode(tokens []string) string {
	var raw []byte
	switch f.format {
	case "pcm16":
		raw = tone(tokens)
	case "mp3":
		raw = silentMP3(len(tokens))
	default:
		raw = wav(tone(tokens))
	}
	return base64.StdEncoding.EncodeToString(raw)
}

// wav puts the RIFF header before 16-bit mono samples.
func wav(samples []byte) []byte {
	var b bytes.Buffer
	le := func(v any) { binary.Write(&b, binary.LittleEndian, v) } // to a Buffer it cannot fail
	b.WriteString("RIFF")
	le(uint32(36 + len(samples)))
	b.WriteString("WAVEfmt ")
	le(uint32(16))
	le(uint16(1)) // PCM
	le(uint16(1)) // one channel
	le(uint32(sampleRate))
	le(uint32(2 * sampleRate))
	le(uint16(2))
	le(uint16(16))
	b.WriteString("data")
	le(uint32(len(samples)))
	b.Write(samples)
	return b.Bytes()
}

// silentMP3 gives two frames a token of MPEG-1 layer III at 44.1 kHz, 128 kbit/s, mono (ISO/IEC 11172-3): valid, and
// silent, since nothing is coded in them.
func silentMP3(tokens int) []byte {
	const frameBytes = 144 * 128000 / 44100
	frame := make([]byte, frameBytes)
	copy(frame, []byte{0xFF, 0xFB, 0x90, 0xC4})
	return bytes.Repeat(frame, 2*tokens)
}
