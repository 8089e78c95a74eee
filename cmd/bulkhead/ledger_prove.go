package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"bulkhead/ledger"
	"bulkhead/ledger/tiles"
	"bulkhead/ledger/verify"
	"bulkhead/wire"
)

// proveFlags are what `bulkhead ledger prove` is given.
type proveFlags struct {
	receipt              string
	key                  ledger.CallKey
	keyed                bool
	request, reply, sent string
	log                  string
	keys                 []note.Verifier
	checkpoint           string // a file: one that was kept elsewhere
}

func readProveFlags(args []string) (p proveFlags, err error) {
	f := flag.NewFlagSet("prove", flag.ContinueOnError)
	f.Func("key", "receipt key, or @FILE", func(s string) error {
		text, err := orFile(s)
		if err == nil {
			p.key, err = ledger.ParseCallKey(strings.TrimSpace(text))
		}
		p.keyed = err == nil
		return err
	})
	f.Func("log-key", "verifier key of the log, or @FILE", func(s string) error {
		text, err := orFile(s)
		if err != nil {
			return err
		}
		keys, err := tiles.ParseKeys([]byte(text))
		p.keys = append(p.keys, keys...)
		return err
	})
	f.StringVar(&p.request, "request", "", "")
	f.StringVar(&p.reply, "reply", "", "")
	f.StringVar(&p.sent, "sent", "", "")
	f.StringVar(&p.log, "log", "./data", "")
	f.StringVar(&p.checkpoint, "checkpoint", "", "")
	rest, err := ledgerFlags(f, args, 1, "name one receipt: bulkhead ledger prove ORIGIN/INDEX --key K --request FILE")
	switch {
	case err != nil:
		return p, err
	case !p.keyed:
		return p, misused("give the call's own key, that the reply had in Bulkhead-Receipt-Key: --key K")
	case p.request == "":
		return p, misused("give the body that was sent: --request FILE")
	}
	p.receipt = rest[0]
	return p, nil
}

// orFile is a text, or what the file holds that it names: @FILE.
func orFile(s string) (string, error) {
	name, ok := strings.CutPrefix(s, "@")
	if !ok {
		return s, nil
	}
	b, err := os.ReadFile(name)
	return string(b), err
}

// proven is a receipt that holds, and whose word its key is.
type proven struct {
	*verify.Receipt
	entries []*verify.Entry
	ownKey  bool // the log's own keys file was believed
	outside string
}

// open reads the receipt from its file, or makes it from the log, and checks it.
func (p *proveFlags) open(ctx context.Context) (*proven, int, error) {
	if doc, err := os.ReadFile(p.receipt); err == nil {
		if len(p.keys) == 0 {
			return nil, exitUsage, misused("a receipt in a file is checked with the log's key from another place: --log-key KEY")
		}
		if p.checkpoint != "" {
			return nil, exitUsage, misused("a checkpoint from another place is held against the log: give the receipt as ORIGIN/INDEX, and --log")
		}
		r, entries, err := verify.CheckReceipt(doc, p.keys...)
		return &proven{Receipt: r, entries: entries}, exitFinding, err
	}
	origin, index, err := receiptIndex(p.receipt)
	if err != nil {
		return nil, exitUsage, err
	}
	l, err := openSized(ctx, p.log)
	if err != nil {
		return nil, exitFailed, err
	}
	defer l.Close()
	r, err := verify.Prove(ctx, l.read, index)
	if errors.Is(err, verify.ErrNoCall) && index >= l.size {
		return nil, exitFinding, fmt.Errorf("%w; entries are published about a second after they are written", err)
	}
	if err != nil {
		return nil, exitFinding, err
	}
	if origin != "" && origin != r.Origin {
		return nil, exitFinding, fmt.Errorf("the receipt is of the log %s, and this is %s", origin, r.Origin)
	}
	if r.Banner, err = bannerOf(ctx, l); err != nil {
		return nil, exitFailed, err
	}
	r.BannerEnd = r.Banner
	keys, own := p.keys, false
	if len(keys) == 0 {
		text, err := l.read(tiles.KeysPath)
		if err != nil {
			return nil, exitFailed, err
		}
		if keys, err = tiles.ParseKeys(text); err != nil {
			return nil, exitFailed, err
		}
		own = true
	}
	doc, err := json.Marshal(r)
	if err != nil {
		return nil, exitFailed, err
	}
	checked, entries, err := verify.CheckReceipt(doc, keys...)
	if err != nil {
		return nil, exitFinding, err
	}
	out := &proven{Receipt: checked, entries: entries, ownKey: own}
	if p.checkpoint != "" {
		if out.outside, err = p.against(ctx, l, checked, keys); err != nil {
			return nil, exitFinding, err
		}
	}
	return out, exitFinding, nil
}

// against holds a receipt against a checkpoint that was kept elsewhere: the log has it in its history, and the entries of
// the call that are older than it are in its tree, too. It says what came of it.
func (p *proveFlags) against(ctx context.Context, l *openedLog, r *verify.Receipt, keys []note.Verifier) (string, error) {
	kept, err := os.ReadFile(p.checkpoint)
	if err != nil {
		return "", err
	}
	outside, err := tiles.OpenCheckpoint(kept, keys...)
	if err != nil {
		return "", fmt.Errorf("--checkpoint: %w", err)
	}
	newest, err := tiles.ReadCheckpoint([]byte(r.Checkpoint)) // its signatures have been looked at
	if err != nil {
		return "", err
	}
	if err := verify.Consistent(l.read, outside.Checkpoint, newest); err != nil {
		return "", fmt.Errorf("--checkpoint: %w", err)
	}
	under := func(name string) ([]byte, error) {
		if name == tiles.CheckpointPath {
			return kept, nil
		}
		return l.read(name)
	}
	again, err := verify.Prove(ctx, under, r.Index)
	if errors.Is(err, verify.ErrNoCall) {
		return fmt.Sprintf("of %d entries, is in the history of the log; the call is younger than it", outside.Size), nil
	}
	if err != nil {
		return "", fmt.Errorf("--checkpoint: %w", err)
	}
	doc, err := json.Marshal(again)
	if err != nil {
		return "", err
	}
	if _, _, err := verify.CheckReceipt(doc, keys...); err != nil {
		return "", fmt.Errorf("--checkpoint: %w", err)
	}
	return fmt.Sprintf("of %d entries, is in the history of the log and has %d of the %d entries of the call", outside.Size, len(again.Entries), len(r.Entries)), nil
}

func ledgerProve(ctx context.Context, args []string, stdout, _ io.Writer) (int, error) {
	p, err := readProveFlags(args)
	if err != nil {
		return exitUsage, err
	}
	receipt, code, err := p.open(ctx)
	if err != nil {
		return code, err
	}
	s := &statement{key: p.key}
	if s.request, err = os.ReadFile(p.request); err != nil {
		return exitFailed, err
	}
	if p.reply != "" {
		if s.reply, err = os.ReadFile(p.reply); err != nil {
			return exitFailed, err
		}
		s.replied = true
	}
	if p.sent != "" {
		if s.sent, err = os.ReadFile(p.sent); err != nil {
			return exitFailed, err
		}
		s.asSent = true
	}
	if err := s.hold(receipt); err != nil {
		return exitFailed, err
	}
	if _, err := io.WriteString(stdout, s.text(receipt)); err != nil {
		return exitFailed, err
	}
	if s.wrong {
		return exitFinding, nil
	}
	return exitFine, nil
}

// statement is what is shown of a call, line by line.
type statement struct {
	key                  ledger.CallKey
	request, reply, sent []byte
	replied, asSent      bool

	commitment ledger.Digest // to the request, as the admission has it
	lines      []string
	wrong      bool
	matched    bool // the bytes of sent went to an attempt
	outcome    bool
}

func (s *statement) say(format string, args ...any) {
	s.lines = append(s.lines, fmt.Sprintf(format, args...))
}

func (s *statement) deny(format string, args ...any) {
	s.wrong = true
	s.say(format, args...)
}

// commit commits to a body in the manner of a commitment on the record.
func (s *statement) commit(like ledger.Digest, body []byte) ledger.Digest {
	c := s.key.Commit(hashOf(like))
	_, _ = c.Write(body)
	return c.Digest()
}

func hashOf(like ledger.Digest) ledger.Hash {
	name, _, _ := strings.Cut(string(like), ":")
	return ledger.Hash(name)
}

// hold holds the bodies against the entries of the call.
func (s *statement) hold(p *proven) error {
	for _, e := range p.entries {
		var m struct {
			Commitment ledger.Digest
			Sent       ledger.Digest
			Size       int64
			Edits      []editJSON
			At         string
			Principal  string
			Workload   string
			Alias      string
			Purpose    string
			Estate     string
			Permit     struct {
				Digest    string
				Count     int64
				Offerings []string
			}
		}
		if err := json.Unmarshal(e.Text, &m); err != nil {
			return fmt.Errorf("entry %d: %w", e.Index, err)
		}
		switch e.Kind {
		case "admission":
			s.say("call      %s, admitted at %s as entry %d", e.Call, m.At, e.Index)
			s.say("decision  principal %s of workload %s may send it for alias %s, purpose %s, to %s: %s", m.Principal, m.Workload, m.Alias, m.Purpose, count(int(m.Permit.Count), "offering"), strings.Join(m.Permit.Offerings, ", "))
			s.say("          permit %s, by estate %s", m.Permit.Digest, m.Estate)
			if s.commitment = m.Commitment; s.commit(m.Commitment, s.request) != m.Commitment {
				s.deny("REQUEST   this is not the body that was admitted, or not its key")
				continue
			}
			s.say("request   this body, %d bytes, is the one that was admitted", len(s.request))
		case "attempt-start":
			s.attempt(e, m.Sent, m.Edits)
		case "outcome":
			s.outcome = true
			s.say("outcome   %s, entry %d", e.Ended, e.Index)
			switch {
			case !s.replied:
			case s.commit(m.Commitment, s.reply) != m.Commitment:
				s.deny("REPLY     this is not the body that went to the caller")
			default:
				s.say("reply     this body, %d bytes, is the one that went to the caller", len(s.reply))
			}
		}
	}
	if s.replied && !s.outcome {
		s.deny("REPLY     the call has no outcome yet, and nothing is committed to")
	}
	if s.asSent && !s.matched && !s.wrong {
		s.deny("SENT      these are not the bytes that went to any attempt")
	}
	return nil
}

// attempt says what went to an offering: the request, but for its edits.
func (s *statement) attempt(e *verify.Entry, sent ledger.Digest, edits []editJSON) {
	if s.wrong {
		return // nothing follows from a body that is another
	}
	splice := wire.Splice{Body: s.request}
	last := 0
	for _, x := range edits {
		if x.from < last || x.to < x.from || x.to > len(s.request) {
			s.deny("ATTEMPT   %d: its edits do not fit the request", e.Attempt)
			return
		}
		last = x.to
		splice.Edits = append(splice.Edits, wire.Edit{Span: wire.Span{Start: x.from, End: x.to}, With: []byte(x.with)})
	}
	if s.key.CommitEdits(hashOf(s.commitment), s.commitment, splice.Edits) != sent {
		s.deny("ATTEMPT   %d at %s: its edits are not those that it committed to", e.Attempt, e.Offering)
		return
	}
	s.say("attempt   %d at %s was to get this body with %s, entry %d", e.Attempt, e.Offering, count(len(edits), "edit"), e.Index)
	if s.asSent && bytes.Equal(splice.Append(nil), s.sent) {
		s.matched = true
		s.say("sent      these bytes, %d, are what attempt %d was to send to %s", len(s.sent), e.Attempt, e.Offering)
	}
}

// editJSON is an edit as an attempt's start has it: [from, to, "by what"].
type editJSON struct {
	from, to int
	with     string
}

// UnmarshalJSON reads an array of three.
func (e *editJSON) UnmarshalJSON(b []byte) error {
	var parts []json.RawMessage
	if err := json.Unmarshal(b, &parts); err != nil {
		return err
	}
	if len(parts) != 3 {
		return errors.New("an edit has three parts")
	}
	return errors.Join(json.Unmarshal(parts[0], &e.from), json.Unmarshal(parts[1], &e.to), json.Unmarshal(parts[2], &e.with))
}

// text is the statement between two lines with the ledger's marking.
func (s *statement) text(p *proven) string {
	var lines []string
	if p.Banner != "" {
		lines = append(lines, p.Banner)
	}
	lines = append(lines, fmt.Sprintf("log       %s, checkpoint of %s", p.Origin, strings.SplitN(p.Checkpoint, "\n", 3)[1]+" entries"))
	lines = append(lines, s.lines...)
	key := "given"
	if p.ownKey {
		key = "the log's own, not one from another place"
	}
	lines = append(lines, "key       "+key)
	if p.outside != "" {
		lines = append(lines, "kept      the checkpoint from another place, "+p.outside)
	}
	if s.wrong {
		lines = append(lines, "result    NOT SHOWN")
	} else {
		lines = append(lines, "result    shown: these bodies and this decision are in the tree that the checkpoint signs")
	}
	lines = append(lines, "not shown whether the decision was right (ledger replay), whether the log is whole (ledger verify), what the vendor did with the bytes,",
		"          nor anything of calls that went another way")
	if p.Banner != "" {
		lines = append(lines, p.Banner)
	}
	return strings.Join(lines, "\n") + "\n"
}
