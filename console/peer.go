package console

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"

	"bulkhead/control"
)

// peerKey is under which a connection's context has who is at its other end.
type peerKey struct{}

// withPeer notes the user of the process at the other end of a socket, as the
// system knows it.
func withPeer(ctx context.Context, c net.Conn) context.Context {
	unix, ok := c.(*net.UnixConn)
	if !ok {
		return ctx
	}
	who := "unknown user"
	if uid, err := peerUser(unix); err == nil {
		who = fmt.Sprintf("uid %d", uid)
	}
	return context.WithValue(ctx, peerKey{}, control.By{Who: who, Via: "socket"})
}

// caller is who sent a command: the peer of the socket, or this process itself.
func caller(r *http.Request) control.By {
	if by, ok := r.Context().Value(peerKey{}).(control.By); ok {
		return by
	}
	return control.By{Who: fmt.Sprintf("uid %d", os.Getuid()), Via: "command"}
}
