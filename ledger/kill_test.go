package ledger_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"bulkhead/call"
	"bulkhead/ledger"
)

// callUntilKilled makes calls from many goroutines and writes a line for each
// thing that the log has confirmed. It never returns.
func callUntilKilled(data string) {
	fail := func(err error) {
		fmt.Println("failed", err)
		os.Exit(1)
	}
	if _, err := ledger.Own(data); err != nil {
		fail(err)
	}
	keys, err := ledger.LoadKeys(data, origin, false)
	if err != nil {
		fail(err)
	}
	l, err := ledger.Open(data, ledger.Options{Origin: origin, Keys: keys, SegmentBytes: 1, Interval: 10 * time.Millisecond})
	if err != nil {
		fail(err)
	}
	ctx := context.Background()
	fmt.Println("opened", l.Size(), "-")
	var out sync.Mutex
	say := func(what string, r *ledger.Receipt) {
		out.Lock()
		defer out.Unlock()
		fmt.Println(what, r.Index(), r.Call())
	}
	for range 16 {
		go func() {
			for {
				r, err := l.Admit(ctx, admission(call.NewID(time.Now(), nil)), attempt("east/gpt"))
				if err != nil {
					fail(err)
				}
				say("admitted", r)
				if err := l.AttemptEnd(r, &ledger.AttemptEnd{Status: 200}); err != nil {
					fail(err)
				}
				if err := l.Settle(ctx, r, &ledger.Outcome{Attempt: 1, Ending: call.Complete}); err != nil {
					fail(err)
				}
				say("settled", r)
			}
		}()
	}
	select {}
}

// TestLog_SurvivesBeingKilled kills a process that writes, again and again,
// and holds the log against everything that was ever confirmed.
func TestLog_SurvivesBeingKilled(t *testing.T) {
	kills := 5
	if os.Getenv("BULKHEAD_LONG") != "" {
		kills = 200
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(t.TempDir(), "data")
	o := logOptions(t, data)
	admitted, settled := map[int64]string{}, map[int64]bool{}
	for range kills {
		cmd := exec.Command(exe)
		cmd.Env = append(os.Environ(), "BULKHEAD_TEST_KILL="+data)
		stdout, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		timer := time.AfterFunc(time.Duration(rand.Int64N(int64(250*time.Millisecond))), func() { _ = cmd.Process.Kill() })
		lines := bufio.NewReader(stdout)
		for {
			line, err := lines.ReadString('\n')
			if err != nil {
				break // the last line may be cut
			}
			var what, id string
			var index int64
			if _, err := fmt.Sscan(line, &what, &index, &id); err != nil || what == "failed" {
				t.Fatalf("the process says %q", line)
			}
			switch what {
			case "admitted":
				admitted[index] = id
			case "settled":
				settled[index] = true
			}
		}
		timer.Stop()
		_ = cmd.Wait() // killed
	}
	l := openLog(t, data, o)
	defer l.Close(t.Context())
	if r := check(t, data); r.Fault != nil || r.Open != 0 {
		t.Fatalf("%+v", r)
	}
	ended := map[int64]string{}
	for i, text := range entries(t, l, 0) {
		if id, ok := admitted[int64(i)]; ok && !strings.Contains(text, `"call":"`+id+`"`) {
			t.Errorf("the admission of %s at %d was confirmed; there is %s", id, i, text)
		}
		if strings.Contains(text, `"kind":"outcome"`) {
			var admission int64
			if _, err := fmt.Sscanf(text, `{"admission":%d,`, &admission); err != nil {
				t.Fatal(err)
			}
			_, rest, _ := strings.Cut(text, `"ended":"`)
			ended[admission], _, _ = strings.Cut(rest, `"`)
		}
	}
	for index := range settled {
		if ended[index] != "complete" {
			t.Errorf("the outcome of the call at %d was confirmed; there is %q", index, ended[index])
		}
	}
	if len(settled) < 10*kills {
		t.Errorf("only %d calls were confirmed in %d processes", len(settled), kills)
	}
	t.Logf("%d processes killed; %d admissions and %d outcomes were confirmed and are there", kills, len(admitted), len(settled))
}
