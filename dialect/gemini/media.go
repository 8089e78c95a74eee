package gemini

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"net/http"
	"path"
	"strconv"
	"strings"

	"bulkhead/chat"
)

// noSignature is what Google takes for the signature of a call that it did not
// make itself (https://ai.google.dev/gemini-api/docs/thought-signatures, 2026).
const noSignature = "skip_thought_signature_validator"

// minted begins the ids of calls that the vendor gave none. They go back
// without one.
const minted = "call_ge_"

// mint makes the id of a call from what it is: always the same one.
func mint(from, tool string, ordinal int) string {
	sum := sha256.Sum256([]byte(from + "\x00" + tool + "\x00" + strconv.Itoa(ordinal)))
	return minted + strings.ToLower(base32.StdEncoding.EncodeToString(sum[:15]))
}

// mediaType is a media type without its parameters, in lower case.
func mediaType(said string) string {
	kind, _, _ := strings.Cut(said, ";")
	return strings.ToLower(strings.TrimSpace(kind))
}

func chatMedium(mediaType string) chat.Medium {
	kind, _, _ := strings.Cut(mediaType, "/")
	switch kind {
	case "image":
		return chat.Image
	case "audio":
		return chat.Audio
	case "video":
		return chat.Video
	}
	return chat.Document
}

// sniff tells the media type of bytes whose sender did not, by their first
// ones; empty if it cannot. Its kind must be what the hub says the part is.
func sniff(m *chat.Media) string {
	head := m.Data[:min(len(m.Data), 684)]
	b, err := base64.StdEncoding.DecodeString(head[:len(head)/4*4])
	if err != nil {
		return ""
	}
	found := mediaType(http.DetectContentType(b))
	if found == "application/octet-stream" || chatMedium(found) != m.Medium {
		return ""
	}
	return found
}

// standard is base64 as all other vendors want it. A client of this dialect may
// use the alphabet for URLs and leave out the padding, as proto3's JSON allows
// (https://protobuf.dev/programming-guides/json/, 2026); google-genai for
// Python does.
func standard(data string) string {
	if strings.ContainsAny(data, "-_") {
		data = strings.NewReplacer("-", "+", "_", "/").Replace(data)
	}
	if odd := len(data) % 4; odd > 1 {
		data += "=="[odd-2:]
	}
	return data
}

// typeOfURL guesses the media type of what lies at an address by its name.
func typeOfURL(url string) string {
	url, _, _ = strings.Cut(url, "?")
	return map[string]string{
		".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".webp": "image/webp", ".gif": "image/gif", ".heic": "image/heic",
		".pdf": "application/pdf", ".txt": "text/plain", ".md": "text/markdown", ".html": "text/html", ".csv": "text/csv",
		".mp3": "audio/mpeg", ".wav": "audio/wav", ".flac": "audio/flac", ".ogg": "audio/ogg",
		".mp4": "video/mp4", ".mov": "video/quicktime", ".webm": "video/webm", ".mpeg": "video/mpeg",
	}[strings.ToLower(path.Ext(url))]
}
