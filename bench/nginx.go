package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// nginx is nginx as a plain reverse proxy: kept connections on both sides,
// nothing logged, answers passed on as they come.
type nginx struct {
	program, dir string
}

var _ competitor = (*nginx)(nil)

const nginxWorkers = 2

const nginxConfig = `
daemon off;
worker_processes %[1]d;
error_log stderr crit;
pid %[2]s/nginx.pid;
events { worker_connections 4096; }
http {
  access_log off;
  client_body_temp_path %[2]s/body;
  proxy_temp_path       %[2]s/proxy;
  fastcgi_temp_path     %[2]s/fastcgi;
  uwsgi_temp_path       %[2]s/uwsgi;
  scgi_temp_path        %[2]s/scgi;
  client_max_body_size 64m;
  client_body_buffer_size 256k;
  keepalive_requests 100000000;
  tcp_nodelay on;
  upstream vendor { server %[4]s; keepalive 1024; keepalive_requests 100000000; }
  server {
    listen %[3]s;
    location / {
      proxy_pass http://vendor;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
    }
  }
}
`

func (*nginx) name() string { return "nginx" }

func (n *nginx) prepare(ctx context.Context, dir string) (string, error) {
	for _, name := range []string{"nginx", "/usr/sbin/nginx"} {
		if path, err := exec.LookPath(name); err == nil {
			n.program = path
			break
		}
	}
	if n.program == "" {
		return "", fmt.Errorf("%w: no nginx in PATH or /usr/sbin (Debian has it as package nginx)", errNotHere)
	}
	n.dir = filepath.Join(dir, "nginx")
	if err := os.MkdirAll(n.dir, 0o700); err != nil {
		return "", err
	}
	out, err := exec.CommandContext(ctx, n.program, "-v").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("nginx -v: %w", err)
	}
	return strings.TrimPrefix(strings.TrimSpace(string(out)), "nginx version: "), nil
}

func (n *nginx) start(ctx context.Context, upstream string) (*gateway, error) {
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	config := filepath.Join(n.dir, "nginx.conf")
	text := fmt.Sprintf(nginxConfig, nginxWorkers, n.dir, addr, upstream)
	if os.Getuid() == 0 {
		// Its workers would otherwise be another user, without a way to the
		// folder of the bench.
		text = "user root;\n" + text
	}
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return nil, err
	}
	c, err := startChild(ctx, os.Stderr, nil, n.program, "-e", "stderr", "-p", n.dir, "-c", config)
	if err != nil {
		return nil, err
	}
	pids, err := awaitWorkers(ctx, c.pid(), addr)
	if err != nil {
		c.stop()
		return nil, err
	}
	return &gateway{addr: addr, pids: pids, stop: c.stop}, nil
}

// awaitWorkers waits until all workers run and the address answers, and gives
// the processes of master and workers.
func awaitWorkers(ctx context.Context, master int, addr string) ([]int, error) {
	for limit := time.Now().Add(10 * time.Second); time.Now().Before(limit) && ctx.Err() == nil; time.Sleep(20 * time.Millisecond) {
		workers, err := childrenOf(master)
		if err != nil {
			return nil, err
		}
		if len(workers) < nginxWorkers {
			continue
		}
		if conn, err := net.DialTimeout("tcp", addr, time.Second); err == nil {
			conn.Close()
			return append(workers, master), nil
		}
	}
	return nil, fmt.Errorf("nginx did not start: %w", context.Cause(ctx))
}

// freeAddr is an address on loopback that was free a moment ago; nginx cannot
// choose one itself and say which.
func freeAddr() (string, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer ln.Close()
	return ln.Addr().String(), nil
}
