package route

// Probe reports whether the call is the one that decides about a circuit.
func (p Pass) Probe() bool { return p.own.probe || p.place.probe }
