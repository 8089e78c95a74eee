package ledger

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"path/filepath"

	"bulkhead/call"
)

const markName = "mark"

// mark is how far the log is settled: the start of a process reads from here
// on and nothing before. It is derived from the log, and held against it.
type mark struct {
	V          int        `json:"v"`
	Tiles      int64      `json:"tiles"`      // full tiles and bundles of the entries before this one are durable
	Segment    int64      `json:"segment"`    // first segment of the write-ahead log that is needed
	Checkpoint int64      `json:"checkpoint"` // size of the newest checkpoint; -1: none was written yet
	Entries    int64      `json:"entries"`    // the open calls are those at this size
	Open       []openCall `json:"open"`       // oldest first
	Change     int64      `json:"change"`     // index of the last change; -1: none
	Banner     string     `json:"banner,omitempty"`
	Marking    JSON       `json:"marking,omitzero"` // of the ledger itself
	Stopped    bool       `json:"stopped"`          // nothing was open to writing any more
}

// openCall is an admission without an outcome.
type openCall struct {
	Admission int64   `json:"admission"`
	Call      call.ID `json:"call"`
	Previous  int64   `json:"previous"` // its last entry
	Attempts  int     `json:"attempts"`
}

// sealedMark is a mark with a check over its bytes.
type sealedMark struct {
	Mark json.RawMessage `json:"mark"`
	CRC  string          `json:"crc32c"`
}

func markCRC(b []byte) string {
	return fmt.Sprintf("%08x", crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)))
}

func (m *mark) write(f Files, dir string) error {
	m.V = 1
	body, err := json.Marshal(m)
	if err != nil {
		return err
	}
	b, err := json.Marshal(sealedMark{body, markCRC(body)})
	if err != nil {
		return err
	}
	return writeFile(f, filepath.Join(dir, markName), append(b, '\n'), true)
}

// readMark gives nil for a log that has no mark, which only a new one has not.
func readMark(f Files, dir string) (*mark, error) {
	name := filepath.Join(dir, markName)
	b, err := readFile(f, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var s sealedMark
	var m mark
	if json.Unmarshal(b, &s) != nil || markCRC(s.Mark) != s.CRC || json.Unmarshal(s.Mark, &m) != nil {
		return nil, corrupt(name, "it cannot be read")
	}
	if again, err := json.Marshal(s); err != nil || string(again)+"\n" != string(b) {
		return nil, corrupt(name, "it is not spelled as it was written")
	}
	if m.V != 1 || m.Tiles%256 != 0 || m.Tiles < 0 || m.Segment < 1 {
		return nil, corrupt(name, "it says what no log can be")
	}
	return &m, nil
}
