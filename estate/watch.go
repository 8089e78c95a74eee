package estate

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"time"

	"bulkhead/catalog"
)

// Watcher looks at a folder again and again and tells when it holds another
// estate. It asks the file system for nothing but reading, so that it works on
// network file systems and on Kubernetes' mounted ConfigMaps alike.
type Watcher struct {
	Dir      string
	Interval time.Duration // between two looks; zero: 250 ms
	Quiet    time.Duration // for how long nothing must change first; zero: one second
}

// Change is what a folder holds after it changed: an estate, or the faults of
// a bad one in Report, or Err if it could not be read.
type Change struct {
	Estate *catalog.Estate
	Report *Report
	Err    error
}

// Run looks until ctx ends. It calls changed, never twice at once, when the
// folder has been quiet and two readings were equal, and what is there differs
// from what was told last; the first comparison is with loaded, the digest of
// the estate that the caller has. A change of comments alone is none.
func (w *Watcher) Run(ctx context.Context, loaded string, changed func(Change)) {
	interval, quiet := w.Interval, w.Quiet
	if interval <= 0 {
		interval = 250 * time.Millisecond
	}
	if quiet <= 0 {
		quiet = time.Second
	}
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	told := ""                     // print of the folder when it was looked into last
	seen, since := "", time.Time{} // print of the last look, and since when it is the same
	for {
		if print, now := fingerprint(w.Dir), time.Now(); print != seen {
			seen, since = print, now
		} else if print != told && now.Sub(since) >= quiet {
			told = print
			loaded = w.tell(ctx, loaded, changed)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// tell loads the folder and tells if it is another estate than the one loaded,
// whose digest it gives back. After a bad one, the next good one is told even
// if it is the one from before.
func (w *Watcher) tell(ctx context.Context, loaded string, changed func(Change)) string {
	est, report, err := Load(ctx, w.Dir)
	switch {
	case ctx.Err() != nil:
		return loaded
	case err != nil:
		changed(Change{Err: err})
		return ""
	case report.Digest != "" && report.Digest == loaded:
		return loaded
	}
	changed(Change{Estate: est, Report: report})
	return report.Digest
}

// fingerprint is a digest over the bytes in a folder, or over what went wrong
// in reading them.
func fingerprint(dir string) string {
	snap, real, err := readOnce(dir)
	if err != nil {
		return "error: " + err.Error()
	}
	h := sha256.New()
	fmt.Fprintf(h, "%q\n", real)
	for _, name := range slices.Sorted(maps.Keys(snap.files)) {
		fmt.Fprintf(h, "%q %d\n", name, len(snap.files[name]))
		h.Write(snap.files[name])
	}
	for _, m := range snap.faults {
		fmt.Fprintf(h, "%q\n", m.String())
	}
	return hex.EncodeToString(h.Sum(nil))
}
