package ledger

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// ErrOwned says that another process owns the data folder: speak to it through
// its control socket, stop it, or use another folder.
var ErrOwned = errors.New("the data folder is owned by another process")

// Names of what lies in a data folder (DESIGN section 7).
const (
	lockFile    = "lock"
	SecretsName = "secrets"      // folder, 0700
	StateName   = "state.db"     // database
	SocketName  = "control.sock" // where the owner takes commands
)

// Own makes dir and its secrets folder if they are missing, both for their
// owner alone (0700), and takes the exclusive lock of the folder until release
// is called or the process ends, however it ends. If another process has it the
// error wraps [ErrOwned] and names that process; nothing is waited for.
//
// An existing folder that others may enter is narrowed if it is empty and
// refused otherwise: what lies in it may have been read or put there by others.
func Own(dir string) (release func() error, err error) {
	if err := privateFolder(dir); err != nil {
		return nil, err
	}
	// The lock file is never removed: a process that has it open would go on
	// to lock a file that nobody else can see.
	lock, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("own data folder: %w", err)
	}
	if err := take(lock, dir); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	if err := errors.Join(writePID(lock), privateFolder(filepath.Join(dir, SecretsName))); err != nil {
		return nil, errors.Join(fmt.Errorf("own data folder: %w", err), lock.Close())
	}
	return func() error {
		// The process id goes first, while the lock is still ours.
		return errors.Join(lock.Truncate(0), lock.Close())
	}, nil
}

func privateFolder(dir string) error {
	if err := os.Mkdir(dir, 0o700); err == nil {
		return nil
	} else if !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("make folder %s: %w", dir, bare(err))
	}
	info, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("folder %s: %w", dir, bare(err))
	}
	if !info.IsDir() {
		return fmt.Errorf("%s is not a folder", dir)
	}
	if info.Mode().Perm()&0o077 == 0 {
		return nil
	}
	if entries, err := os.ReadDir(dir); err == nil && len(entries) == 0 && os.Chmod(dir, 0o700) == nil {
		return nil
	}
	return fmt.Errorf("folder %s is open to others (mode %#o) and Bulkhead keeps secrets there; look at what it holds, then: chmod 700 %s, or name a folder in it, which Bulkhead makes itself",
		dir, info.Mode().Perm(), dir)
}

func take(lock *os.File, dir string) error {
	err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	for errors.Is(err, syscall.EINTR) {
		err = syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	}
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.EWOULDBLOCK):
		return fmt.Errorf("%w: %s is in use by %s", ErrOwned, dir, ownerOf(lock))
	}
	return fmt.Errorf("lock data folder %s: %w", dir, err)
}

// ownerOf reads who holds the lock, for people; nothing is decided by it.
func ownerOf(lock *os.File) string {
	b, err := io.ReadAll(io.NewSectionReader(lock, 0, 32))
	pid, convErr := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil || convErr != nil {
		return "a process that is just starting or ending"
	}
	return "process " + strconv.Itoa(pid)
}

func writePID(lock *os.File) error {
	if err := lock.Truncate(0); err != nil {
		return err
	}
	_, err := lock.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return err
}

// bare drops the path from an error that is told with it.
func bare(err error) error {
	var path *os.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}
