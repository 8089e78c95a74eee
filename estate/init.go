package estate

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"text/template"
	"time"

	"bulkhead/catalog"
)

//go:embed example
var examples embed.FS

// ErrNotEmpty says that a folder already holds something: choose another one.
var ErrNotEmpty = errors.New("the folder is not empty")

// Example gives the files of the worked estate of a fictional agency, by path
// relative to the folder, for the domain Unclassified or Secret. Its dates are
// relative to now.
func Example(domain catalog.Domain, now time.Time) (map[string][]byte, error) {
	if domain != catalog.Unclassified && domain != catalog.Secret {
		return nil, fmt.Errorf("there is no worked example for domain %s: write %s or %s", quoted(string(domain)), catalog.Unclassified, catalog.Secret)
	}
	day := func(n int) string { return now.UTC().AddDate(0, 0, n).Format(time.DateOnly) }
	enclave := map[catalog.Domain]string{catalog.Unclassified: "northwind-low", catalog.Secret: "northwind-high"}[domain]
	top := "example/" + string(domain)
	files := map[string][]byte{}
	err := fs.WalkDir(examples, top, func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		raw, err := examples.ReadFile(name)
		if err != nil {
			return err
		}
		t, err := template.New(name).Funcs(template.FuncMap{"day": day}).Parse(string(raw))
		if err != nil {
			return err
		}
		var out bytes.Buffer
		if err := t.Execute(&out, map[string]string{"Enclave": enclave}); err != nil {
			return err
		}
		files[strings.TrimPrefix(name, top+"/")] = out.Bytes()
		return nil
	})
	return files, err
}

// Init writes the worked estate into a folder, which it makes if need be. It
// refuses with [ErrNotEmpty] to write into one that holds anything.
func Init(dir string, domain catalog.Domain, now time.Time) error {
	files, err := Example(domain, now)
	if err != nil {
		return err
	}
	switch entries, err := os.ReadDir(dir); {
	case err == nil && len(entries) > 0:
		return fmt.Errorf("write the example into %s: %w", dir, ErrNotEmpty)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("write the example: %w", err)
	}
	for name, data := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return fmt.Errorf("write the example: %w", err)
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			return fmt.Errorf("write the example: %w", err)
		}
	}
	return nil
}
