package ledger

import (
	"bytes"
	"fmt"
	"path/filepath"
)

// linesEnd is how the name ends of what is kept beside an estate's bytes.
const linesEnd = ".lines"

// KeepLines keeps where the parts of an estate stood in its files, beside its
// canonical bytes. Of an estate that is loaded again, the lines of the last
// time stay. They are a help for readers: no digest covers them.
func (l *Log) KeepLines(digest string, lines []byte) error {
	name := linesName(l.data, digest)
	if b, err := readFile(l.files, name); err == nil && bytes.Equal(b, lines) {
		return nil
	}
	if err := writeFile(l.files, name, lines, true); err != nil {
		return fmt.Errorf("keep the lines of estate %s: %w", digest, err)
	}
	return nil
}

// EstateLines gives the lines that were kept of an estate; none if there are none.
func EstateLines(data, digest string) []byte {
	b, err := readFile(Disk{}, linesName(data, digest))
	if err != nil {
		return nil
	}
	return b
}

func linesName(data, digest string) string {
	name := filepath.Base(digest)
	if len(name) > len("sha256:") {
		name = name[len("sha256:"):]
	}
	return filepath.Join(data, EstatesName, name+linesEnd)
}
