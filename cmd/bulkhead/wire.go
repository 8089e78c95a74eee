package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"bulkhead/adapter/copier"
	"bulkhead/adapter/prometheus"
	"bulkhead/adapter/secret"
	"bulkhead/call"
	"bulkhead/catalog"
	"bulkhead/console"
	"bulkhead/control"
	"bulkhead/drill"
	"bulkhead/egress"
	"bulkhead/estate"
	"bulkhead/gateway"
	"bulkhead/ingress"
	"bulkhead/ledger"
	"bulkhead/probe"
	"bulkhead/route"
)

// server is everything that runs in one process. Its parts are put together in
// assemble, by hand and in order; what was opened is closed in reverse.
type server struct {
	flags      serveFlags
	log        *slog.Logger
	started    time.Time
	ledger     *ledger.Log
	gateway    *gateway.Gateway
	metrics    *prometheus.Metrics
	controller *control.Controller
	findings   findings
	circuits   circuitLog
	checks     *probe.Rota
	watch      *drill.Watch
	copies     *copier.Copier
	tellings   copyTellings
	banner     string     // of the ledger that is open
	simulated  *rehearsal // nil: the endpoints are the estate's own
	ingress    *ingress.Server
	cert       atomic.Pointer[tls.Certificate]
	data       net.Listener
	control    net.Listener
	socket     net.Listener
	draining   atomic.Bool
	signalled  context.Context    // ends with the signal that asks for the end
	hangup     chan os.Signal     // asks for a reload
	deafen     context.CancelFunc // the next one has its own way
	open       []func() error
}

// assemble builds a server from its flags and listens, but serves nothing yet.
func assemble(ctx context.Context, f serveFlags, stderr io.Writer) (*server, error) {
	lines := &logWriter{to: stderr}
	s := &server{flags: f, started: time.Now(), log: slog.New(slog.NewJSONHandler(lines, nil))}
	s.opened(lines.Flush)
	if err := s.build(ctx); err != nil {
		s.close()
		return nil, err
	}
	// From before it says that it is ready, so that no signal finds it deaf.
	s.signalled, s.deafen = signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	s.opened(func() error { s.deafen(); return nil })
	s.hangup = make(chan os.Signal, 1)
	signal.Notify(s.hangup, syscall.SIGHUP)
	s.opened(func() error { signal.Stop(s.hangup); return nil })
	return s, nil
}

func (s *server) build(ctx context.Context) error {
	f := s.flags
	s.warnOfProxies()
	state, err := ownState(ctx, f.data)
	if err != nil {
		return err
	}
	s.opened(state.Close)
	first, report, err := s.readEstate(ctx)
	if err != nil {
		return err
	}
	s.ledger, err = openBook(f.data, first, func(o *ledger.Options) error {
		s.banner = o.Banner
		err := s.openCopies(ctx, o.Keys)
		if err == nil {
			o.Published = s.copies.Offer
		}
		return err
	})
	if err != nil {
		return err
	}
	s.opened(func() error { return s.ledger.Close(context.WithoutCancel(ctx)) })
	s.metrics = prometheus.New(prometheus.Build{Version: release, Go: runtime.Version()})
	memory, err := state.memory(ctx)
	if err != nil {
		return err
	}
	s.metrics.Memory(func() (turns, bytes, kept, putBack, faults int64) {
		m := memory.Stats()
		return m.Turns.Count, m.Turns.Bytes + m.Tags.Bytes, m.Kept, m.PutBack, m.Faults
	})
	s.gateway = gateway.New(gateway.Options{Keys: state.ring, Ledger: s.ledger, State: memory, Begin: s.metrics.Begin, Observe: s.observe, Seal: state.sealFor(s.ledger.Origin()), Log: s.log, Health: route.HealthOptions{Told: s.circuitChanged}, Egress: egress.Options{
		Secret: s.secret, ReadFile: s.readEstateFile, UserAgent: "bulkhead/" + release, SignIn: s.signIn,
	}})
	s.checks = probe.New(probe.Options{Check: func(ctx context.Context, t probe.Target) time.Duration {
		return s.gateway.Check(ctx, t.Workload, t.Offering)
	}})
	s.watch = drill.NewWatch()
	s.metrics.HeldBytes(s.gateway.Intake().Held)
	s.metrics.Suspensions(s.gateway.Suspensions)
	s.metrics.Load(s.gateway.Load)
	s.metrics.Circuits(func() []route.Standing { return s.gateway.Health().Standings(time.Now()) })
	s.metrics.Ledger(s.ledger.Size, func() bool { return s.ledger.Ready() == nil })
	s.metrics.LedgerCopies(s.copyStates)
	if f.simulate {
		s.simulated = newRehearsal(f.pace)
		s.opened(s.simulated.Close)
	}
	if err := s.enforce(ctx, control.By{Via: "start"}, first, report); err != nil {
		return err
	}
	s.controller, err = control.New(ctx, control.Options{
		Store: state.store, Keys: state.ring, Workloads: s.workloads, Reload: s.reload, Record: s.record, Status: s.status, Told: s.told,
		Suspensions: state.store, Offerings: s.offerings, Suspend: s.gateway.Suspend,
		Drills: state.store, Watch: s.watch, Estate: s.gateway.Estate, Banner: func() string { return s.banner },
	})
	if err != nil {
		return err
	}
	return s.listen()
}

func (s *server) opened(closer func() error) { s.open = append(s.open, closer) }

func (s *server) close() {
	for _, closer := range slices.Backward(s.open) {
		if err := closer(); err != nil && !errors.Is(err, net.ErrClosed) {
			s.log.Warn("close", slog.Any("cause", err))
		}
	}
	s.open = nil
}

// warnOfProxies says that the environment's proxies are not used.
func (s *server) warnOfProxies() {
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"} {
		if os.Getenv(name) != "" {
			s.log.Warn("the environment's proxy is ignored; an endpoint's proxy is set in its row of the estate", slog.String("variable", name))
		}
	}
}

// secret resolves a reference of the estate.
func (s *server) secret(ref string) (string, error) {
	if s.simulated != nil && ref == simulatedSecret {
		return s.simulated.key, nil
	}
	v, err := secret.ResolveIn(s.flags.estate, ref)
	return v.Reveal(), err
}

func (s *server) readEstateFile(name string) ([]byte, error) {
	if !filepath.IsAbs(name) {
		name = filepath.Join(s.flags.estate, name)
	}
	return os.ReadFile(name)
}

// reload reads the estate and puts it in force; on any fault nothing changes.
func (s *server) reload(ctx context.Context, by control.By, accept func(digest string) error) (old, now string, err error) {
	old = s.gateway.Estate().Digest
	e, report, err := s.readEstate(ctx)
	if err == nil {
		err = accept(report.Digest)
	}
	if err == nil {
		err = s.enforce(ctx, by, e, report)
	}
	s.metrics.Reload(err)
	if err != nil {
		return old, "", err
	}
	return old, e.Digest, nil
}

// readEstate reads the estate's folder; an estate with a fault is an error.
func (s *server) readEstate(ctx context.Context) (*catalog.Estate, *estate.Report, error) {
	e, report, err := estate.Load(ctx, s.flags.estate)
	if err == nil {
		err = report.Err()
	}
	return e, report, err
}

// enforce puts an estate in force, once that is on the record.
func (s *server) enforce(ctx context.Context, by control.By, e *catalog.Estate, report *estate.Report) error {
	if origin := originOf(&e.Enclave); origin != s.ledger.Origin() {
		return fmt.Errorf("the estate is of enclave %s, and the ledger that is open is %s; start a server of its own for it, with a data folder of its own", e.Enclave.Name, s.ledger.Origin())
	}
	if err := s.loadCertificate(e); err != nil {
		return err
	}
	copies, err := s.copyTargets(e)
	if err != nil {
		return err
	}
	canonical := report.Canonical() // what calls are decided by, simulated or not
	if s.simulated != nil {
		if err := s.simulated.replace(e); err != nil {
			return err
		}
	}
	unusable, err := s.gateway.Use(e, func() (int64, error) {
		if err := s.ledger.KeepEstate(e.Digest, canonical); err != nil {
			return 0, err
		}
		if err := s.ledger.KeepLines(e.Digest, report.Lines()); err != nil { // a help for readers alone
			s.log.Warn("explain --call will show no lines of this estate", slog.Any("cause", err))
		}
		return s.ledger.Change(ctx, &ledger.Change{What: "estate", Action: "loaded", Name: e.Digest, By: by.Who, Via: by.Via, Estate: e.Digest})
	})
	if err != nil {
		return err
	}
	s.copies.Use(copies)
	s.checks.Use(probe.Targets(e))
	s.watch.Use(e)
	s.metrics.Estate(e)
	s.loadedEstate(e, report.Findings, time.Now())
	s.warn(e, report.Warnings)
	if s.simulated != nil {
		s.log.Info("simulated vendors", slog.String("vendors", s.simulated.root))
	}
	for _, problem := range unusable {
		s.log.Warn("an endpoint cannot be used", slog.Any("cause", problem))
	}
	return nil
}

// warn logs what the agency had better do about an estate that is in force.
func (s *server) warn(e *catalog.Estate, warnings []estate.Remark) {
	for _, w := range warnings {
		s.log.Warn("estate", slog.String("code", string(w.Code)), slog.String("warning", w.String()))
	}
	if _, banner, err := markingOfBook(e); err != nil || banner != s.banner {
		s.log.Warn("the marking of the ledger changes with the next start", slog.String("marking", s.banner), slog.String("next", banner), slog.Any("cause", err))
	}
}

// record puts a change of a key, a suspension or a drill on the record.
func (s *server) record(ctx context.Context, c control.Change) (int64, error) {
	entry, err := entryOf(c, s.gateway.Estate().Digest)
	if err != nil {
		return 0, err
	}
	return s.ledger.Change(ctx, entry)
}

// loadCertificate reads the data plane's certificate, from flags or the estate.
func (s *server) loadCertificate(e *catalog.Estate) error {
	cert, key := s.flags.cert, s.flags.key
	if cert == "" && e.Enclave.TLS.Cert != "" {
		cert, key = e.Enclave.TLS.Cert, e.Enclave.TLS.Key
		if !filepath.IsAbs(cert) {
			cert = filepath.Join(s.flags.estate, cert)
		}
		if !filepath.IsAbs(key) {
			key = filepath.Join(s.flags.estate, key)
		}
	}
	if cert == "" {
		return nil
	}
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		return fmt.Errorf("TLS certificate: %w", err)
	}
	s.cert.Store(&pair)
	return nil
}

func (s *server) workloads() []string {
	var names []string
	if e := s.gateway.Estate(); e != nil {
		for name := range e.Workloads {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// offerings are those of the estate in force.
func (s *server) offerings() []*catalog.Offering {
	if e := s.gateway.Estate(); e != nil {
		return e.Offerings
	}
	return nil
}

func (s *server) status() control.Status {
	st := control.Status{Version: release, PID: os.Getpid(), Started: s.started, Listen: s.dataAddr(), Control: s.controlAddr(), Draining: s.draining.Load()}
	if e := s.gateway.Estate(); e != nil {
		st.Estate = e.Digest
	}
	for _, l := range notEnforced() {
		st.NotEnforced = append(st.NotEnforced, fmt.Sprintf("law %d, %s", l.Law, l.Name))
	}
	return st
}

// told logs a change.
func (s *server) told(ctx context.Context, c control.Change) {
	attrs := []slog.Attr{slog.String("what", c.What), slog.String("key", c.Key), slog.String("workload", c.Workload), slog.String("old", c.Old), slog.String("new", c.New)}
	if x := c.Suspension; x != nil {
		attrs = append(attrs, slog.String("suspension", x.ID), slog.String("of", x.What.String()), slog.String("by", c.Who), slog.String("via", c.Via))
	}
	if d := c.Drill; d != nil {
		attrs = append(attrs, slog.String("drill", d.ID), slog.String("outcome", string(d.Outcome)), slog.String("why", d.Why), slog.String("by", c.Who), slog.String("via", c.Via))
	}
	if c.Err != nil {
		s.log.LogAttrs(ctx, slog.LevelWarn, "change refused", append(attrs, slog.Any("cause", c.Err))...)
		return
	}
	s.log.LogAttrs(ctx, slog.LevelInfo, "change", attrs...)
}

// observe takes the record of a call at its end.
func (s *server) observe(r *call.Record) {
	s.metrics.Observe(*r)
	s.watch.Observe(r)
	logCall(s.log, r)
}

// listen opens the listeners: data plane, control, socket.
func (s *server) listen() error {
	var conf *tls.Config
	if s.cert.Load() != nil {
		conf = &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return s.cert.Load(), nil }}
	}
	if conf == nil && !loopback(s.flags.listen) && !s.flags.insecure {
		return fmt.Errorf("--listen %s is not loopback and would be plain HTTP: give --tls-cert and --tls-key, or --insecure if something in front of it has TLS", s.flags.listen)
	}
	var err error
	if s.data, err = ingress.Listen(s.flags.listen); err != nil {
		return err
	}
	s.opened(s.data.Close)
	if s.control, err = console.Listen(s.flags.control); err != nil {
		return err
	}
	s.opened(s.control.Close)
	if s.socket, err = console.ListenSocket(filepath.Join(s.flags.data, ledger.SocketName)); err != nil {
		return err
	}
	s.opened(s.socket.Close)
	s.ingress = ingress.New(ingress.Options{Gateway: s.gateway, Log: s.log, TLS: conf})
	return nil
}

func (s *server) dataAddr() string    { return address(s.data) }
func (s *server) controlAddr() string { return address(s.control) }

func address(l net.Listener) string {
	if l == nil {
		return ""
	}
	return l.Addr().String()
}

// ready says why the server is not ready; nothing: it is.
func (s *server) ready(context.Context) []string {
	if err := s.ledger.Ready(); err != nil {
		return []string{"the ledger cannot be relied upon: " + err.Error()}
	}
	return nil
}

// run serves until ctx ends or a signal stops it, drains, and closes everything.
func (s *server) run() error {
	defer s.close()
	ctx := s.signalled
	// The control side outlives the data plane, so that a drain can be watched.
	aside, end := context.WithCancel(context.WithoutCancel(ctx))
	var running sync.WaitGroup
	defer running.Wait()
	defer end()
	running.Go(func() {
		s.serveAside(aside, s.control, console.New(console.Options{Ready: s.ready, Warnings: s.copyWarnings, Draining: s.draining.Load, Metrics: s.metrics.Handler(), Ledger: s.ledger}))
	})
	running.Go(func() { s.serveAside(aside, s.socket, console.Commands(s.controller)) })
	running.Go(func() { s.reloadOnHangup(aside) })
	checking, stop := context.WithCancel(ctx) // which ends before a drain begins
	defer stop()
	running.Go(func() { s.checks.Run(checking) })
	running.Go(func() { s.controller.WatchDrill(checking) })
	running.Go(func() { s.studyHourly(aside) })
	running.Go(func() { s.circuits.run(aside, s.log) })
	if s.flags.watch {
		running.Go(func() { s.reloadOnChange(aside) })
	}
	failed := make(chan error, 1)
	running.Go(func() { failed <- s.ingress.Serve(s.data) })
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	s.deafen() // a second signal ends the process at once
	s.draining.Store(true)
	s.log.Info("draining", slog.String("at_most", s.flags.drain.String()))
	limit, cancel := context.WithTimeout(aside, s.flags.drain)
	defer cancel()
	if err := s.ingress.Shutdown(limit); err != nil {
		s.ingress.Close()
		s.log.Warn("calls were cut at the end of the drain")
	}
	s.log.Info("stopped")
	return nil
}

func (s *server) serveAside(ctx context.Context, l net.Listener, handler http.Handler) {
	if err := console.ServeListener(ctx, l, handler); err != nil {
		s.log.Error("control", slog.Any("cause", err))
	}
}

// reloadOnHangup reloads on SIGHUP until ctx ends.
func (s *server) reloadOnHangup(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.hangup:
			s.controller.Reload(ctx, control.By{Via: "signal"}, "") // told logs it, either way
		}
	}
}

// reloadOnChange reloads when the estate's files have changed and come to
// rest, until ctx ends.
func (s *server) reloadOnChange(ctx context.Context) {
	w := estate.Watcher{Dir: s.flags.estate}
	w.Run(ctx, s.gateway.Estate().Digest, func(estate.Change) {
		s.controller.Reload(ctx, control.By{Via: "watch"}, "") // reads the folder once more; told logs it, either way
	})
}
