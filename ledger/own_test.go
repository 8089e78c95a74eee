package ledger_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"bulkhead/ledger"
)

// TestMain lets the test binary be a second process: one that owns a folder
// until its input ends, or one that makes calls until it is killed.
func TestMain(m *testing.M) {
	if dir := os.Getenv("BULKHEAD_TEST_OWN"); dir != "" {
		if _, err := ledger.Own(dir); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println("owned")
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0) // without release, as in a crash
	}
	if dir := os.Getenv("BULKHEAD_TEST_KILL"); dir != "" {
		callUntilKilled(dir)
	}
	os.Exit(m.Run())
}

// second starts a process that owns dir, or tries to, and gives its first line.
func second(t *testing.T, dir string) (pid int, said string, end func()) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), "BULKHEAD_TEST_OWN="+dir)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var once sync.Once
	end = func() { once.Do(func() { in.Close(); _ = cmd.Wait() }) }
	t.Cleanup(end)
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return cmd.Process.Pid, strings.TrimSpace(line), end
}

func TestOwn_RefusesASecondProcessAndNamesTheFirst(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	release, err := ledger.Own(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, said, _ := second(t, dir); !strings.Contains(said, "process "+strconv.Itoa(os.Getpid())) || !strings.Contains(said, dir) {
		t.Errorf("the second process said %q; want it to name %d and the folder", said, os.Getpid())
	}
	if err := release(); err != nil {
		t.Fatal(err)
	}
	pid, said, end := second(t, dir)
	if said != "owned" {
		t.Fatalf("after the release the second process said %q", said)
	}
	if _, err := ledger.Own(dir); !errors.Is(err, ledger.ErrOwned) || !strings.Contains(err.Error(), "process "+strconv.Itoa(pid)) {
		t.Errorf("Own = %v; want ErrOwned that names process %d", err, pid)
	}
	end() // a process that dies gives the folder free
	if release, err = ledger.Own(dir); err != nil {
		t.Fatalf("after the owner died: %v", err)
	}
	if err := release(); err != nil {
		t.Error(err)
	}
}

func TestOwn_HoldsWithinOneProcessToo(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	var owners, most atomic.Int32
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				release, err := ledger.Own(dir)
				if errors.Is(err, ledger.ErrOwned) {
					continue
				}
				if err != nil {
					t.Error(err)
					return
				}
				if n := owners.Add(1); n > most.Load() {
					most.Store(n)
				}
				owners.Add(-1)
				if err := release(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if most.Load() != 1 {
		t.Errorf("%d owners at once, want 1", most.Load())
	}
}

func TestOwn_MakesAFolderForItsOwnerAlone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	release, err := ledger.Own(dir)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]os.FileMode{"": 0o700, "secrets": 0o700, "lock": 0o600} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm() != want {
			t.Errorf("%q: %v, %v; want %v", name, info.Mode(), err, want)
		}
	}
	if b, err := os.ReadFile(filepath.Join(dir, "lock")); err != nil || string(b) != strconv.Itoa(os.Getpid())+"\n" {
		t.Errorf("lock holds %q, %v", b, err)
	}
	if err := release(); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(filepath.Join(dir, "lock")); err != nil || len(b) != 0 {
		t.Errorf("after release lock holds %q, %v", b, err)
	}
}

func TestOwn_MindsWhoElseMayEnter(t *testing.T) {
	fresh := func(t *testing.T) string {
		dir := filepath.Join(t.TempDir(), "data")
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	t.Run("an empty folder is narrowed", func(t *testing.T) {
		dir := fresh(t)
		os.Chmod(dir, 0o755)
		release, err := ledger.Own(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer release()
		if info, _ := os.Stat(dir); info.Mode().Perm() != 0o700 {
			t.Errorf("mode %v, want 0700", info.Mode())
		}
	})
	t.Run("one that holds something is refused", func(t *testing.T) {
		dir := fresh(t)
		os.WriteFile(filepath.Join(dir, "theirs"), nil, 0o600)
		os.Chmod(dir, 0o750)
		if _, err := ledger.Own(dir); err == nil || !strings.Contains(err.Error(), "chmod 700 "+dir) {
			t.Errorf("Own = %v; want it to say what to type", err)
		}
		if info, _ := os.Stat(dir); info.Mode().Perm() != 0o750 {
			t.Errorf("the mode was changed to %v", info.Mode())
		}
	})
	t.Run("open secrets are refused, and the lock is given back", func(t *testing.T) {
		dir := fresh(t)
		os.Mkdir(filepath.Join(dir, "secrets"), 0o700)
		os.WriteFile(filepath.Join(dir, "secrets", "key-pepper"), nil, 0o600)
		os.Chmod(filepath.Join(dir, "secrets"), 0o711)
		if _, err := ledger.Own(dir); err == nil || errors.Is(err, ledger.ErrOwned) {
			t.Errorf("Own = %v", err)
		}
		os.Chmod(filepath.Join(dir, "secrets"), 0o700)
		release, err := ledger.Own(dir)
		if err != nil {
			t.Fatal(err)
		}
		release()
	})
	t.Run("a file is no folder", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "data")
		os.WriteFile(path, nil, 0o600)
		if _, err := ledger.Own(path); err == nil || !strings.Contains(err.Error(), "not a folder") {
			t.Errorf("Own = %v", err)
		}
	})
	t.Run("a parent that is missing is not guessed", func(t *testing.T) {
		if _, err := ledger.Own(filepath.Join(t.TempDir(), "no", "data")); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("Own = %v", err)
		}
	})
}
