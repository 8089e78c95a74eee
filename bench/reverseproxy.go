package main

import (
	"flag"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync"
	"time"
)

// runReverseProxy is the sub-mode that is the yardstick: what the standard
// library gives, with a transport that keeps enough connections and asks for no
// compression, and buffers that are used again. It looks at nothing.
func runReverseProxy(args []string) error {
	flags := flag.NewFlagSet("reverseproxy", flag.ContinueOnError)
	upstream := flags.String("upstream", "", "address of the upstream")
	if err := flags.Parse(args); err != nil {
		return err
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("reverseproxy: %w", err)
	}
	target := &url.URL{Scheme: "http", Host: *upstream}
	proxy := &httputil.ReverseProxy{
		Rewrite:       func(r *httputil.ProxyRequest) { r.SetURL(target) },
		FlushInterval: -1,
		BufferPool:    &bufferPool{},
		Transport: &http.Transport{
			DialContext:         (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
			MaxIdleConns:        0, // no limit
			MaxIdleConnsPerHost: 1024,
			IdleConnTimeout:     90 * time.Second,
			DisableCompression:  true,
		},
	}
	server := &http.Server{Handler: proxy}
	ctx, stop := untilStdinEnds()
	defer stop()
	go func() { // ends with ctx
		<-ctx.Done()
		server.Close()
	}()
	fmt.Printf("ready addr=%s\n", ln.Addr())
	if err := server.Serve(ln); err != http.ErrServerClosed {
		return fmt.Errorf("reverseproxy: %w", err)
	}
	return nil
}

// bufferPool lends the buffers that answers are copied through.
type bufferPool struct{ pool sync.Pool }

func (p *bufferPool) Get() []byte {
	if b, ok := p.pool.Get().(*[]byte); ok {
		return *b
	}
	return make([]byte, 32<<10)
}

func (p *bufferPool) Put(b []byte) { p.pool.Put(&b) }
