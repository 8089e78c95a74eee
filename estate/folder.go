package estate

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const (
	maxFileBytes   = 4 << 20  // of one file
	maxFolderBytes = 64 << 20 // of all files together
	settleFor      = time.Second
	settlePause    = 20 * time.Millisecond
)

// ErrUnsettled says that a folder kept changing while it was read: someone is
// still writing to it. Try again when they are done.
var ErrUnsettled = errors.New("the folder kept changing while it was read")

// snapshot is what a folder held at one moment.
type snapshot struct {
	files  map[string][]byte // by path relative to the folder, with slashes
	faults []Remark          // what lies there and cannot be read as a file of an estate
}

func (s *snapshot) equal(o *snapshot) bool {
	return maps.EqualFunc(s.files, o.files, bytes.Equal) && slices.Equal(s.faults, o.faults)
}

// folders are where the files of an estate lie, with how their names end.
func folders() map[string]string {
	return map[string]string{"vendors": ".yaml", "clouds": ".yaml", "workloads": ".yaml", "contracts": ".yaml",
		"exclusions": ".yaml", "policies": ".cedar", "tables": ".yaml"}
}

// readSettled reads a folder until two readings in a row are equal, for up to
// a second. It gives the folder's own path, with symbolic links resolved.
func readSettled(ctx context.Context, dir string) (*snapshot, string, error) {
	deadline := time.Now().Add(settleFor)
	last, lastDir, err := readOnce(dir)
	for {
		if ctxErr := ctx.Err(); ctxErr != nil {
			return nil, "", fmt.Errorf("read estate %s: %w", dir, ctxErr)
		}
		again, againDir, errAgain := readOnce(dir)
		switch {
		case err == nil && errAgain == nil && lastDir == againDir && last.equal(again):
			return again, againDir, nil
		case err != nil && errAgain != nil && err.Error() == errAgain.Error():
			return nil, "", fmt.Errorf("read estate: %w", err)
		case time.Now().After(deadline):
			return nil, "", fmt.Errorf("read estate %s: %w", dir, ErrUnsettled)
		}
		last, lastDir, err = again, againDir, errAgain
		select {
		case <-ctx.Done():
		case <-time.After(settlePause):
		}
	}
}

// readOnce reads everything in a folder. Symbolic links are followed inside
// the folder only, so that what reviewers saw is what is read.
func readOnce(dir string) (*snapshot, string, error) {
	real, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return nil, "", err
	}
	if real, err = filepath.Abs(real); err != nil {
		return nil, "", err
	}
	root, err := os.OpenRoot(real)
	if err != nil {
		return nil, "", err
	}
	defer root.Close()
	s := &snapshot{files: map[string][]byte{}}
	entries, err := fs.ReadDir(root.FS(), ".")
	if err != nil {
		return nil, "", err
	}
	w := walker{root: root, snapshot: s}
	for _, e := range entries {
		if err := w.top(e.Name()); err != nil {
			return nil, "", err
		}
	}
	return s, real, nil
}

// walker reads a folder's entries into a snapshot.
type walker struct {
	root *os.Root
	*snapshot
	total int64
}

func (w *walker) fault(name, message, hint string) {
	w.faults = append(w.faults, Remark{File: name, Code: Unreadable, Message: message, Hint: hint})
}

// ignored reports whether a name is none of the estate's business.
func ignored(name string) bool { return strings.HasPrefix(name, ".") || name == "README.md" }

// top reads an entry of the folder itself.
func (w *walker) top(name string) error {
	if ignored(name) {
		return nil
	}
	info, ok, err := w.stat(name)
	if !ok {
		return err
	}
	end, known := folders()[name]
	switch {
	case name == "enclave.yaml":
		return w.file(name, info)
	case known && info.IsDir():
		return w.folder(name, end)
	case known:
		w.fault(name, "is not a folder", "make it a folder of "+end+" files")
	case info.IsDir():
		w.fault(name, "is a folder that no estate has", suggest(name, slices.Sorted(maps.Keys(folders())), "folder"))
	default:
		w.fault(name, "is a file that nothing reads", fileHint(name))
	}
	return nil
}

// fileHint says what to do with a file that nothing reads.
func fileHint(name string) string {
	dir, base := path.Split(name)
	if end, known := folders()[strings.TrimSuffix(dir, "/")]; known {
		return fmt.Sprintf("name it %s%s, or move it out", strings.TrimSuffix(base, path.Ext(base)), end)
	}
	if nearest(name, []string{"enclave.yaml", "enclave.yml"}) != "" {
		return "did you mean \"enclave.yaml\"?"
	}
	return "move it out, or into one of " + strings.Join(slices.Sorted(maps.Keys(folders())), ", ")
}

// folder reads the files of one of the folders.
func (w *walker) folder(name, end string) error {
	entries, err := fs.ReadDir(w.root.FS(), name)
	if err != nil {
		return err
	}
	for _, e := range entries {
		file := path.Join(name, e.Name())
		if ignored(e.Name()) {
			continue
		}
		info, ok, err := w.stat(file)
		if err != nil {
			return err
		}
		switch {
		case !ok:
		case info.IsDir():
			w.fault(file, "is a folder within a folder", "move its files up into "+name)
		case path.Ext(file) != end:
			w.fault(file, "is a file that nothing reads", fileHint(file))
		default:
			if err := w.file(file, info); err != nil {
				return err
			}
		}
	}
	return nil
}

// stat follows symbolic links inside the folder. It gives ok false where there
// is nothing to read, after noting why or with the error.
func (w *walker) stat(name string) (info fs.FileInfo, ok bool, err error) {
	link, err := w.root.Lstat(name)
	if err != nil {
		return nil, false, err
	}
	if link.Mode()&fs.ModeSymlink == 0 {
		return link, true, nil
	}
	info, err = w.root.Stat(name)
	if err != nil {
		w.fault(name, "is a symbolic link that leads nowhere inside the estate", "copy the file into the estate")
		return nil, false, nil
	}
	return info, true, nil
}

func (w *walker) file(name string, info fs.FileInfo) error {
	switch {
	case !info.Mode().IsRegular():
		w.fault(name, "is not a regular file", "write a plain file")
		return nil
	case info.Size() > maxFileBytes:
		w.fault(name, "is larger than 4 MiB", "split it into several files")
		return nil
	}
	data, err := fs.ReadFile(w.root.FS(), name)
	if errors.Is(err, fs.ErrPermission) {
		w.fault(name, "may not be read by this process", "give it read permission")
		return nil
	}
	if err != nil {
		return err
	}
	if len(data) > maxFileBytes { // it grew meanwhile
		w.fault(name, "is larger than 4 MiB", "split it into several files")
		return nil
	}
	if w.total += int64(len(data)); w.total > maxFolderBytes {
		return fmt.Errorf("%s: the files are more than %d MiB together", w.root.Name(), maxFolderBytes>>20)
	}
	w.files[name] = data
	return nil
}
