package secret_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bulkhead/adapter/secret"
)

func write(t *testing.T, path, text string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil { // the umask may have narrowed it
		t.Fatal(err)
	}
}

func TestResolve_ReadsWhatTheReferenceNames(t *testing.T) {
	dir := t.TempDir()
	for name, tt := range map[string]struct{ text, want string }{
		"plain":               {"s3cret", "s3cret"},
		"newline":             {"s3cret\n", "s3cret"},
		"line of Windows":     {"s3cret\r\n", "s3cret"},
		"only one newline":    {"s3cret\n\n", "s3cret\n"},
		"spaces are kept":     {" s3 cret ", " s3 cret "},
		"lines within":        {"-----BEGIN\nabc\n", "-----BEGIN\nabc"},
		"as large as allowed": {strings.Repeat("x", secret.MaxBytes) + "\r\n", strings.Repeat("x", secret.MaxBytes)},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(dir, "s")
			write(t, path, tt.text, 0o600)
			t.Setenv("BULKHEAD_TEST_SECRET", tt.text)
			for _, got := range []func() (secret.Value, error){
				func() (secret.Value, error) { return secret.Resolve("file:" + path) },
				func() (secret.Value, error) { return secret.ResolveIn(dir, "file:s") },
				func() (secret.Value, error) { return secret.ResolveIn("/elsewhere", "file:"+path) },
				func() (secret.Value, error) { return secret.Resolve("env:BULKHEAD_TEST_SECRET") },
			} {
				if v, err := got(); err != nil || v.Reveal() != tt.want {
					t.Errorf("got %q, %v; want %q", v.Reveal(), err, tt.want)
				}
			}
		})
	}
}

func TestResolve_RefusesAndNeverTellsTheSecret(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "empty"), "", 0o600)
	write(t, filepath.Join(dir, "newline"), "\n", 0o600)
	write(t, filepath.Join(dir, "large"), strings.Repeat("hunter2 ", secret.MaxBytes/8)+"x", 0o600)
	t.Setenv("BULKHEAD_TEST_EMPTY", "")
	for ref, want := range map[string]string{
		"":                        "no reference",
		"hunter2":                 "no reference",
		"env:":                    "no reference",
		"file:":                   "no reference",
		"vault:hunter2":           "no reference",
		"ENV:HOME":                "no reference",
		"env:BULKHEAD_TEST_UNSET": "env:BULKHEAD_TEST_UNSET: the environment variable is not set",
		"env:BULKHEAD_TEST_EMPTY": "it is empty",
		"file:none":               "no such file",
		"file:empty":              "it is empty",
		"file:newline":            "it is empty",
		"file:large":              "larger than 65536 bytes",
		"file:.":                  "is a directory",
	} {
		v, err := secret.ResolveIn(dir, ref)
		if err == nil || !strings.Contains(err.Error(), want) || !v.IsZero() {
			t.Errorf("Resolve(%q) = %v, %v; want an error with %q", ref, v, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("Resolve(%q) tells the secret: %v", ref, err)
		}
	}
}

func TestValue_PrintsNothingOfItself(t *testing.T) {
	type open struct{ V secret.Value }
	type closed struct{ v secret.Value }
	v := secret.Of("hunter2")
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%p", "%t"} {
		fmt.Fprintf(&out, verb+verb+verb+verb+"\n", v, open{v}, closed{v}, []*closed{{v}})
	}
	for _, a := range []any{v, open{v}, closed{v}, map[string]any{"k": v}} {
		b, err := json.Marshal(a)
		if err != nil {
			t.Fatal(err)
		}
		out.Write(b)
		slog.New(slog.NewJSONHandler(&out, nil)).Info("m", "v", a)
		slog.New(slog.NewTextHandler(&out, nil)).Info("m", "v", a)
	}
	if got := strings.ToLower(out.String()); strings.Contains(got, "hunter") || strings.Contains(got, "68756e746572") {
		t.Errorf("the secret was printed:\n%s", got)
	}
	if !(secret.Value{}).IsZero() || (secret.Value{}).Reveal() != "" || v.IsZero() {
		t.Error("the zero Value is not the empty one")
	}
}

func pepperOnly(b []byte, _ bool, err error) ([]byte, error) { return b, err }

func TestPepper_IsMadeOnceAndReadAfter(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "secrets")
	if _, err := secret.LoadPepper(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("LoadPepper without a folder = %v", err)
	}
	first, made, err := secret.Pepper(dir, nil)
	if err != nil || !made || len(first) != secret.PepperBytes {
		t.Fatalf("Pepper = %d bytes, made %v, %v", len(first), made, err)
	}
	for name, again := range map[string]func() ([]byte, error){
		"Pepper":     func() ([]byte, error) { return pepperOnly(secret.Pepper(dir, nil)) },
		"LoadPepper": func() ([]byte, error) { return secret.LoadPepper(dir) },
	} {
		if b, err := again(); err != nil || !bytes.Equal(b, first) {
			t.Errorf("%s gave another pepper after the first (%v)", name, err)
		}
	}
	if _, made, _ := secret.Pepper(dir, nil); made {
		t.Error("a pepper that was there is said to be new")
	}
	other, _, err := secret.Pepper(filepath.Join(t.TempDir(), "secrets"), nil)
	if err != nil || bytes.Equal(other, first) {
		t.Errorf("two folders share a pepper (%v)", err)
	}
	for path, want := range map[string]os.FileMode{dir: 0o700, filepath.Join(dir, "key-pepper"): 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v; want %v", path, info.Mode(), err, want)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
}

func TestPepper_GoesOnAfterACrashInTheMaking(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "key-pepper.new"), "half", 0o600)
	if _, err := secret.LoadPepper(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("LoadPepper took half a pepper, or made one: %v", err)
	}
	if b, made, err := secret.Pepper(dir, nil); err != nil || !made || len(b) != 32 {
		t.Errorf("Pepper = %d bytes, made %v, %v", len(b), made, err)
	}
}

func TestPepper_RefusesWhatAPersonShouldLookAt(t *testing.T) {
	whole := strings.Repeat("p", 32)
	for name, tt := range map[string]struct {
		prepare func(t *testing.T, dir, file string)
		want    string
	}{
		"file read by group":  {func(t *testing.T, _, f string) { write(t, f, whole, 0o640) }, "mode 0640"},
		"file read by all":    {func(t *testing.T, _, f string) { write(t, f, whole, 0o604) }, "chmod 600"},
		"file written by all": {func(t *testing.T, _, f string) { write(t, f, whole, 0o602) }, "mode 0602"},
		"folder open":         {func(t *testing.T, d, _ string) { os.Chmod(d, 0o750) }, "chmod 700"},
		"too short":           {func(t *testing.T, _, f string) { write(t, f, whole[1:], 0o600) }, "31 bytes instead of 32"},
		"too long":            {func(t *testing.T, _, f string) { write(t, f, whole+"\n", 0o600) }, "33 bytes instead of 32"},
		"empty":               {func(t *testing.T, _, f string) { write(t, f, "", 0o600) }, "0 bytes instead of 32"},
		"a folder":            {func(t *testing.T, _, f string) { os.Mkdir(f, 0o700) }, "not a plain file"},
		"a link": {func(t *testing.T, d, f string) {
			write(t, filepath.Join(d, "elsewhere"), whole, 0o600)
			os.Symlink(filepath.Join(d, "elsewhere"), f)
		}, "not a plain file"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "secrets")
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(dir, "key-pepper")
			tt.prepare(t, dir, file)
			before, _ := os.ReadFile(file)
			for name, read := range map[string]func() ([]byte, error){
				"Pepper":     func() ([]byte, error) { return pepperOnly(secret.Pepper(dir, nil)) },
				"LoadPepper": func() ([]byte, error) { return secret.LoadPepper(dir) },
			} {
				if b, err := read(); err == nil || !strings.Contains(err.Error(), tt.want) || b != nil || errors.Is(err, fs.ErrNotExist) {
					t.Errorf("%s = %q, %v; want an error with %q", name, b, err, tt.want)
				}
			}
			if after, _ := os.ReadFile(file); !bytes.Equal(before, after) {
				t.Error("the file was touched")
			}
		})
	}
	if _, _, err := secret.Pepper(filepath.Join(t.TempDir(), "no", "such"), nil); err == nil {
		t.Error("a folder whose parent is missing was made")
	}
	occupied := filepath.Join(t.TempDir(), "secrets")
	write(t, occupied, "", 0o600)
	if _, _, err := secret.Pepper(occupied, nil); err == nil || !strings.Contains(err.Error(), "not a folder") {
		t.Errorf("a file in place of the folder: %v", err)
	}
}

func TestPepper_RefusesToGoOnWithoutRandomness(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "secrets")
	if _, _, err := secret.Pepper(dir, io.LimitReader(bytes.NewReader(make([]byte, 64)), 31)); err == nil {
		t.Error("a pepper was made of 31 bytes")
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestStoreKey_IsAnotherSecretBesideThePepper(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "secrets")
	if _, err := secret.LoadStoreKey(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("LoadStoreKey without a folder = %v", err)
	}
	pepper, _, err := secret.Pepper(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	key, made, err := secret.StoreKey(dir, nil)
	if err != nil || !made || len(key) != secret.StoreKeyBytes || bytes.Equal(key, pepper) {
		t.Fatalf("StoreKey = %d bytes, made %v, %v", len(key), made, err)
	}
	if again, err := secret.LoadStoreKey(dir); err != nil || !bytes.Equal(again, key) {
		t.Errorf("LoadStoreKey gave another key (%v)", err)
	}
	if info, err := os.Stat(filepath.Join(dir, "store-key")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	if err := os.Chmod(filepath.Join(dir, "store-key"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := secret.LoadStoreKey(dir); err == nil || !strings.Contains(err.Error(), "store key") || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a store key that others may read: %v", err)
	}
}
