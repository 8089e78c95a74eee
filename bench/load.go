package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"
)

// job is one piece of load on one address.
type job struct {
	Addr      string
	Key       string // sent as a bearer token where not empty
	BodyBytes int
	Chunks    int           // tokens of each stream; 0: unary calls
	Callers   int           // connections, each with one call at a time
	Rate      int           // calls a second, open loop; 0: closed loop
	Warm, For time.Duration // Warm is not counted, but for its faults
	Gap       time.Duration // time between two chunks, to spread callers over a stream
	Lane      lane
	Late      bool // a caller connects when it calls first: servers close what stays silent
}

// outcome is what a job saw. Latencies of an open loop count from the time a
// call was due, sent late or not.
type outcome struct {
	Calls     int           // answered and right
	Elapsed   time.Duration // until the last answer was in
	P50, P99  time.Duration // of unary calls: whole; of streams: until the first byte
	ChunkP50  time.Duration // of streams: from first byte to end, over the chunks
	Faults    int           // wrong, cut or missing answers, those of the warm-up too
	Fault     string        // the first
	LoaderCPU time.Duration // used by the load generator itself
}

const (
	// maxFaults ends a caller that gets nothing right.
	maxFaults = 100
	// maxSamples bounds what one caller remembers.
	maxSamples = 1 << 20
	// grace is how long a job may wait for answers after its time.
	grace = 10 * time.Second
)

// runLoad is the sub-mode that makes the load. It takes one job as a line of
// JSON, warms up, prints "warm", waits for a second line, runs, and prints its
// outcome; so that the one who measures knows when the counted part begins.
func runLoad() error {
	in := bufio.NewReader(os.Stdin)
	var j job
	line, err := in.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("load: read job: %w", err)
	}
	if err := json.Unmarshal(line, &j); err != nil {
		return fmt.Errorf("load: read job: %w", err)
	}
	l, err := newLoad(j)
	if err != nil {
		return fmt.Errorf("load: %w", err)
	}
	defer l.close()
	l.warm()
	fmt.Println("warm")
	if _, err := in.ReadBytes('\n'); err != nil {
		return fmt.Errorf("load: wait to begin: %w", err)
	}
	return json.NewEncoder(os.Stdout).Encode(l.run())
}

// load is a job under way.
type load struct {
	job     job
	callers []*caller
}

// newLoad opens every connection of j.
func newLoad(j job) (*load, error) {
	if j.Callers < 1 || j.Callers > manyStreams || j.Warm < 0 || j.For <= 0 || j.Rate < 0 || j.Rate > 0 && j.Chunks > 0 {
		return nil, fmt.Errorf("a job that makes no sense: %+v", j)
	}
	l := &load{job: j}
	exchange := newExchange(j)
	end := time.Now().Add(j.Warm + j.For + time.Duration(j.Chunks)*j.Gap + 4*grace)
	for range j.Callers {
		c := &caller{exchange: exchange, end: end}
		if !j.Late {
			if err := c.dial(); err != nil {
				l.close()
				return nil, err
			}
		}
		l.callers = append(l.callers, c)
	}
	return l, nil
}

func (l *load) close() {
	for _, c := range l.callers {
		c.close()
	}
}

// warm calls in a closed loop and forgets the times; of streams, one a caller.
func (l *load) warm() {
	if l.job.Warm == 0 {
		return
	}
	l.closedLoop(l.job.Warm)
	for _, c := range l.callers {
		c.whole, c.first, c.perChunk = c.whole[:0], c.first[:0], c.perChunk[:0]
	}
}

// run makes the counted part of the load.
func (l *load) run() outcome {
	cpu, start := ownProcessorTime(), time.Now()
	if l.job.Rate > 0 {
		l.openLoop()
	} else {
		l.closedLoop(l.job.For)
	}
	out := outcome{Elapsed: time.Since(start), LoaderCPU: ownProcessorTime() - cpu}
	var latency, perChunk []time.Duration
	for _, c := range l.callers {
		latency = append(latency, c.whole...)
		latency = append(latency, c.first...)
		perChunk = append(perChunk, c.perChunk...)
		out.Faults += c.faults
		if out.Fault == "" && c.fault != nil {
			out.Fault = c.fault.Error()
		}
	}
	slices.Sort(latency)
	slices.Sort(perChunk)
	out.Calls = len(latency)
	out.P50, out.P99 = percentile(latency, 50), percentile(latency, 99)
	out.ChunkP50 = percentile(perChunk, 50)
	return out
}

// closedLoop lets every caller call again as soon as it has its answer, for d.
// Streams begin spread over the length of one, as they do in life; all at once
// would measure how a gateway copes with lockstep.
func (l *load) closedLoop(d time.Duration) {
	until := time.Now().Add(d)
	spread := time.Duration(l.job.Chunks) * l.job.Gap / time.Duration(len(l.callers))
	var wg sync.WaitGroup
	for i, c := range l.callers {
		wg.Go(func() {
			time.Sleep(time.Duration(i) * spread)
			if c.conn == nil && d > 0 {
				if err := c.dial(); err != nil {
					c.faults, c.fault = c.faults+1, err
					return
				}
			}
			c.loop(until)
		})
	}
	wg.Wait()
}

// exchange is what every caller of a job sends and must get.
type exchange struct {
	addr    string
	request []byte   // head and body
	answer  []byte   // of a unary call
	events  [][]byte // of a relayed stream, else nil
	words   [][]byte // of what is spelled anew, else nil
	chunks  int
}

func newExchange(j job) *exchange {
	x := &exchange{addr: j.Addr, chunks: j.Chunks, answer: chatAnswer()}
	if x.words = j.Lane.words(j.Chunks); x.words == nil && j.Chunks > 0 {
		x.events = chatEvents(j.Chunks)
	}
	body := j.Lane.body(j.BodyBytes, j.Chunks > 0)
	authorization := ""
	if j.Key != "" {
		authorization = "Authorization: Bearer " + j.Key + "\r\n"
	}
	x.request = fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: %s\r\n%sContent-Type: application/json\r\n"+
		"Accept: application/json\r\nAnthropic-Version: 2023-06-01\r\nUser-Agent: bulkhead-bench\r\nContent-Length: %d\r\n\r\n%s",
		j.Lane.path(), j.Addr, authorization, len(body), body)
	return x
}

var errClosing = errors.New("the gateway closes the connection after an answer")
