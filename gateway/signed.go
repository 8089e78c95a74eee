package gateway

import (
	"bulkhead/call"
	"bulkhead/identity"
)

// who finds who calls: by the key that was presented, or by the signature that
// the request carries. The record names whom that proves.
func (s *serving) who() (identity.Principal, error) {
	if s.in.check != nil {
		return s.self()
	}
	if s.in.Signed == nil {
		p, err := s.g.options.Keys.Identify(s.in.Credential, s.rec.Start)
		s.rec.Key = p.Key
		return p, err
	}
	claim, err := s.g.options.Keys.IdentifySigned(s.in.Signed, s.rec.Start)
	if err == nil && s.in.Action == call.Models { // whose body is not read
		err = claim.Prove(nil)
	}
	if err != nil {
		return identity.Principal{}, err
	}
	if claim.Proven() {
		s.rec.Key = claim.Principal.Key
	}
	s.claim = claim
	return claim.Principal, nil
}

// prove holds the body against the signature of a request that has one. Most
// SDKs sign the body's digest without telling it, so that it is only now that
// the principal is known to be who it claims; nothing but the reading of the
// body was done in its name, and the record named nobody until now.
func (s *serving) prove() error {
	if s.claim == nil {
		return nil
	}
	if err := s.claim.Prove(s.body.bytes); err != nil {
		s.rec.Key, s.rec.Workload = "", ""
		return err
	}
	s.rec.Key = s.claim.Principal.Key
	return nil
}
