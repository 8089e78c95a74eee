package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"bulkhead/adapter/copier"
	"bulkhead/adapter/prometheus"
	"bulkhead/catalog"
	"bulkhead/egress"
	"bulkhead/ledger"
	"bulkhead/ledger/tiles"
)

// lastCopies is how long the end of a server waits for second places to take the last checkpoint.
const lastCopies = 10 * time.Second

// copyTellings remembers what was said of each second place, so that a failure is logged when it comes, changes or goes.
type copyTellings struct {
	mu   sync.Mutex
	said map[string]string
}

// openCopies makes what takes checkpoints to second places; it has none until an estate is in force. The ledger is opened
// after it and closed before it, so that the last checkpoint is copied too.
func (s *server) openCopies(ctx context.Context, keys *ledger.Keys) error {
	verifiers, err := tiles.ParseKeys([]byte(strings.Join(keys.Verifiers, "\n") + "\n"))
	if err != nil {
		return fmt.Errorf("the ledger's keys: %w", err)
	}
	s.copies = copier.New(copier.Options{Keys: verifiers, Told: s.toldCopy,
		Log: func(name string) ([]byte, error) { return ledger.ReadPublic(s.flags.data, name) }})
	s.opened(func() error {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastCopies)
		defer cancel()
		return s.copies.Close(ctx)
	})
	return nil
}

// copyTargets are the second places that an estate names; in a rehearsal folders alone. A folder that is no second place is
// the error.
func (s *server) copyTargets(e *catalog.Estate) ([]copier.Target, error) {
	var out []copier.Target
	var faults []error
	for i := range e.Enclave.Ledger.Copies {
		c := &e.Enclave.Ledger.Copies[i]
		t := copier.Target{Name: c.To(), Key: fmt.Sprintf("%q", []string{c.Folder, c.URL, c.Every.String(), c.Secret, c.CAFile, c.Client.Cert, c.Client.Key, c.ServerName}), Every: c.Every}
		if c.Folder != "" {
			if err := s.apart(c.Folder); err != nil {
				faults = append(faults, err)
				continue
			}
			t.Place = copier.Folder{Dir: c.Folder}
			out = append(out, t)
			continue
		}
		if s.flags.simulate {
			continue // a rehearsal leaves nothing at another machine
		}
		var token func() (string, error)
		if c.Secret != "" {
			token = func() (string, error) { return s.secret(c.Secret) }
		}
		// Its certificates are read at each connection, so that ones that were renewed are used.
		t.Place = copier.NewAddress(c.URL, func() (*tls.Config, error) {
			return egress.TLS(&catalog.Endpoint{Name: c.To(), URL: c.URL, CAFile: c.CAFile, Client: c.Client, ServerName: c.ServerName}, egress.Options{ReadFile: s.readEstateFile})
		}, token)
		out = append(out, t)
	}
	return out, errors.Join(faults...)
}

// apart refuses a folder that is no second place: what lies in the data folder goes with it.
func (s *server) apart(folder string) error {
	data, err := filepath.Abs(s.flags.data)
	if err != nil {
		return err
	}
	if real, err := filepath.EvalSymlinks(data); err == nil {
		data = real
	}
	if real, err := filepath.EvalSymlinks(folder); err == nil {
		folder = real
	}
	if within, err := filepath.Rel(data, folder); err == nil && (within == "." || filepath.IsLocal(within)) {
		return fmt.Errorf("ledger.copies: %s lies in the data folder and is no second place; write a folder outside it", folder)
	}
	return nil
}

// toldCopy logs how a try went, once for each way in which it goes.
func (s *server) toldCopy(state copier.State) {
	text := ""
	if state.Err != nil {
		text = state.Err.Error()
	}
	if errors.Is(state.Err, copier.ErrDiverged) {
		text = copier.ErrDiverged.Error() // the rest has sizes, which grow
	}
	s.tellings.mu.Lock()
	before, known := s.tellings.said[state.Name]
	if s.tellings.said == nil {
		s.tellings.said = map[string]string{}
	}
	s.tellings.said[state.Name] = text
	s.tellings.mu.Unlock()
	switch {
	case known && before == text:
	case errors.Is(state.Err, copier.ErrDiverged):
		s.log.Error("a second place knows another history of the ledger", slog.String("to", state.Name), slog.Any("cause", state.Err))
	case state.Err != nil:
		s.log.Warn("the ledger's checkpoint is not copied", slog.String("to", state.Name), slog.Int64("behind", state.Behind), slog.Any("cause", state.Err))
	default:
		s.log.Info("the ledger's checkpoint is copied", slog.String("to", state.Name), slog.Int64("entries", state.Copied))
	}
}

// copyStates are those of the metrics.
func (s *server) copyStates() []prometheus.LedgerCopy {
	var out []prometheus.LedgerCopy
	for _, c := range s.copies.State() {
		out = append(out, prometheus.LedgerCopy{To: c.Name, Last: c.Last, Failures: c.Failures, Behind: c.Behind})
	}
	return out
}

// copyWarnings say which second places do not take checkpoints; calls are served all the same.
func (s *server) copyWarnings() []string {
	var out []string
	for _, c := range s.copies.State() {
		if c.Err != nil {
			out = append(out, fmt.Sprintf("the ledger's checkpoint is not copied to %s, %d entries behind: %v", c.Name, c.Behind, c.Err))
		}
	}
	return out
}
