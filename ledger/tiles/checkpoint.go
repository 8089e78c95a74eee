package tiles

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Checkpoint is a tree head: which log, how many entries, and the hash of the
// tree over them (https://c2sp.org/tlog-checkpoint).
type Checkpoint struct {
	Origin string
	Size   int64
	Root   tlog.Hash
}

// maxCheckpoint bounds a note that is read; witnesses may have added to it.
const maxCheckpoint = 64 << 10

// Text is the note's text, which is what is signed.
func (c Checkpoint) Text() string {
	return c.Origin + "\n" + strconv.FormatInt(c.Size, 10) + "\n" + base64.StdEncoding.EncodeToString(c.Root[:]) + "\n"
}

// Sign gives the signed note.
func (c Checkpoint) Sign(signers ...note.Signer) ([]byte, error) {
	if len(signers) == 0 {
		return nil, errors.New("sign checkpoint: no signer")
	}
	return note.Sign(&note.Note{Text: c.Text()}, signers...)
}

// Opened is a checkpoint whose signatures have been looked at.
type Opened struct {
	Checkpoint
	Verified  int // signatures by known keys that hold
	Unchecked int // signature lines of others
}

// OpenCheckpoint reads a signed checkpoint and checks its signatures. A known
// key whose signature does not hold, no signature by a known key, a line under
// the log's own name that no known key made, and any spelling but the one are
// errors. Lines under other names, such as those of witnesses, are counted.
func OpenCheckpoint(msg []byte, keys ...note.Verifier) (Opened, error) {
	var o Opened
	if len(msg) > maxCheckpoint {
		return o, fmt.Errorf("a checkpoint of %d bytes is too long", len(msg))
	}
	n, err := note.Open(msg, note.VerifierList(keys...))
	if err != nil {
		return o, fmt.Errorf("checkpoint: %w", err)
	}
	if o.Checkpoint, err = parseCheckpoint(n.Text); err != nil {
		return o, err
	}
	for _, s := range append(n.Sigs[:len(n.Sigs):len(n.Sigs)], n.UnverifiedSigs...) {
		raw, err := base64.StdEncoding.Strict().DecodeString(s.Base64)
		if err != nil || base64.StdEncoding.EncodeToString(raw) != s.Base64 {
			return o, errors.New("checkpoint: a signature is not spelled as it is written")
		}
	}
	for _, s := range n.UnverifiedSigs {
		if s.Name == o.Origin {
			return o, fmt.Errorf("checkpoint: a signature in the name of %s is by none of the known keys", s.Name)
		}
	}
	if again, err := note.Sign(n); err != nil || !bytes.Equal(sortedLines(again), sortedLines(msg)) {
		return o, errors.New("checkpoint: it is not spelled as it is written")
	}
	o.Verified, o.Unchecked = len(n.Sigs), len(n.UnverifiedSigs)
	return o, nil
}

// sortedLines puts a note's signature lines in one order: note.Sign gives the
// verified ones first, whoever wrote them.
func sortedLines(msg []byte) []byte {
	at := bytes.LastIndex(msg, []byte("\n\n"))
	if at < 0 {
		return msg
	}
	lines := strings.SplitAfter(string(msg[at+2:]), "\n")
	for i := range lines { // few
		for j := i; j > 0 && lines[j] < lines[j-1]; j-- {
			lines[j], lines[j-1] = lines[j-1], lines[j]
		}
	}
	return append(bytes.Clone(msg[:at+2]), strings.Join(lines, "")...)
}

// ReadCheckpoint reads a checkpoint without looking at who signed it; nothing
// may be believed because of it.
func ReadCheckpoint(msg []byte) (Checkpoint, error) {
	at := bytes.LastIndex(msg, []byte("\n\n"))
	if at < 0 || len(msg) > maxCheckpoint {
		return Checkpoint{}, errors.New("checkpoint: this is no signed note")
	}
	return parseCheckpoint(string(msg[:at+1]))
}

func parseCheckpoint(text string) (Checkpoint, error) {
	lines := strings.Split(text, "\n")
	if len(lines) != 4 || lines[3] != "" {
		return Checkpoint{}, errors.New("checkpoint: it has other lines than origin, size and root")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	root, err2 := tlog.ParseHash(lines[2])
	c := Checkpoint{Origin: lines[0], Size: size, Root: root}
	if err != nil || err2 != nil || size < 0 || lines[0] == "" || c.Text() != text {
		return Checkpoint{}, errors.New("checkpoint: origin, size or root cannot be read")
	}
	return c, nil
}
