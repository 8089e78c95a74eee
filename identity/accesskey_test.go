package identity_test

import (
	"bytes"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"bulkhead/fault"
	"bulkhead/identity"
)

// signers is a keyring that makes access keys.
func signers(t testing.TB, store byte) *identity.Keyring {
	t.Helper()
	k := identity.NewKeyring(bytes.Repeat([]byte{7}, identity.PepperBytes))
	k.UseStoreKey(bytes.Repeat([]byte{store}, identity.StoreKeyBytes))
	return k
}

// pair makes an access key that is on the keyring.
func pair(t testing.TB, k *identity.Keyring, expires time.Time) (identity.Key, identity.AccessKey) {
	t.Helper()
	key, access, err := k.MintAccessKey(nil, "w", "", noon, expires)
	if err != nil {
		t.Fatal(err)
	}
	k.Put(key)
	return key, access
}

// identify presents a signed request, its body included.
func identify(k *identity.Keyring, r identity.SignedRequest, body []byte, now time.Time) (identity.Principal, error) {
	s, err := identity.ParseSigned(r)
	if err != nil {
		return identity.Principal{}, err
	}
	c, err := k.IdentifySigned(s, now)
	if err == nil {
		err = c.Prove(body)
	}
	if err != nil {
		return identity.Principal{}, err
	}
	return c.Principal, nil
}

func tellBody(sum string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set("X-Amz-Content-Sha256", sum) }
}

// digest of `{"a":1}`
const bodySum = "015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862"

func TestAccessKey_HasTheFormOfAWS(t *testing.T) {
	k := signers(t, 1)
	key, access := pair(t, k, time.Time{})
	if !regexp.MustCompile(`^BKIA[A-Z2-7]{16}$`).MatchString(access.ID) || !regexp.MustCompile(`^[A-Za-z0-9_-]{40}$`).MatchString(access.Secret) {
		t.Errorf("made %s with a secret of %d characters", access.ID, len(access.Secret))
	}
	if id, ok := identity.ParseAccessKeyID(access.ID); !ok || id != key.ID || !key.Signs {
		t.Errorf("%s is read as %q, %v", access.ID, id, ok)
	}
	for _, s := range []string{"", "AKIA" + access.ID[4:], strings.ToLower(access.ID), access.ID + "A", access.ID[:19], "BKIA" + strings.ToLower(access.ID[4:]), access.ID[:19] + "1"} {
		if id, ok := identity.ParseAccessKeyID(s); ok || id != "" {
			t.Errorf("%q is read as %q", s, id)
		}
	}
}

func TestAccessKey_IsDerivedFromStoreKeyAndID(t *testing.T) {
	random := func() *bytes.Reader { return bytes.NewReader(bytes.Repeat([]byte{3}, 42)) }
	_, a, err := signers(t, 1).MintAccessKey(random(), "w", "", noon, time.Time{})
	_, again, err2 := signers(t, 1).MintAccessKey(random(), "other", "", noon, time.Time{})
	_, b, err3 := signers(t, 2).MintAccessKey(random(), "w", "", noon, time.Time{})
	if err != nil || err2 != nil || err3 != nil || a != again || a.ID != b.ID || a.Secret == b.Secret {
		t.Errorf("%v %v %v: %v %v %v", err, err2, err3, a == again, a.ID == b.ID, a.Secret == b.Secret)
	}
	// The derivation is an outside form: secrets that are out must stay derivable.
	if a.ID != "BKIAAMBQGAYDAMBQGAYD" || a.Secret != golden {
		t.Errorf("%s has the secret %s", a.ID, a.Secret)
	}
	none := identity.NewKeyring(bytes.Repeat([]byte{7}, identity.PepperBytes))
	if _, _, err := none.MintAccessKey(nil, "w", "", noon, time.Time{}); err != identity.ErrNoStoreKey {
		t.Errorf("without a store key: %v", err)
	}
}

// golden was computed with another implementation of HKDF.
const golden = "BBCAhzEGK2VR4N9fp3wpxtIfA6YfKZsFWAb8aIIg"

func TestIdentifySigned_KnowsTheSigner(t *testing.T) {
	k := signers(t, 1)
	key, access := pair(t, k, time.Time{})
	for name, prepare := range map[string]func(*http.Request){"body told": tellBody(bodySum), "body not told": nil} {
		r, body := signed(t, "/model/a%2Fb/converse", `{"a":1}`, access.ID, access.Secret, "bedrock", noon, prepare)
		if p, err := identify(k, r, body, noon.Add(time.Minute)); err != nil || p != (identity.Principal{Kind: identity.Service, Key: key.ID, Workload: "w"}) {
			t.Errorf("%s: %+v, %v", name, p, err)
		}
		if p, err := identify(k, r, []byte(`{"a":2}`), noon); fault.From(err).Kind != fault.Unauthenticated || p.Key != "" {
			t.Errorf("%s: another body is let in as %+v, %v", name, p, err)
		}
		if _, err := identify(k, r, body, noon.Add(6*time.Minute)); !strings.Contains(fault.From(err).Message, "it is 2026-11-23T12:06:00Z here") {
			t.Errorf("%s: a late one: %v", name, err)
		}
	}
}

func TestIdentifySigned_RefusesAlike(t *testing.T) {
	k := signers(t, 1)
	_, access := pair(t, k, time.Time{})
	_, expired := pair(t, k, noon.Add(-time.Hour))
	gone, revoked := pair(t, k, time.Time{})
	k.Revoke(gone.ID, noon)
	_, unknown, err := k.MintAccessKey(nil, "w", "", noon, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	bearer, text := k.Mint(nil, "w", "", noon, time.Time{})
	k.Put(bearer)
	// What would be the secret of a bearer's key, were it an access key.
	lookalike := bearer
	forger := signers(t, 1)
	forged, forgedPair, err := forger.MintAccessKey(nil, "w", "", noon, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	lookalike.ID, lookalike.Signs = forged.ID, true // a row whose MAC is not of an access key
	k.Put(lookalike)
	var said string
	for name, a := range map[string]identity.AccessKey{
		"another secret":       {ID: access.ID, Secret: access.Secret[:39] + "~"},
		"expired":              expired,
		"revoked":              revoked,
		"unknown":              unknown,
		"a bearer's id":        {ID: identity.AccessKeyID(bearer.ID), Secret: text},
		"a forged row":         forgedPair,
		"a key of AWS":         {ID: suiteKey, Secret: suiteSecret},
		"another's store":      func() identity.AccessKey { _, a := pair(t, signers(t, 2), time.Time{}); return a }(),
		"the id in lower case": {ID: strings.ToLower(access.ID), Secret: access.Secret},
	} {
		for how, prepare := range map[string]func(*http.Request){"body told": tellBody(bodySum), "body not told": nil} {
			r, body := signed(t, "/model/a/converse", `{"a":1}`, a.ID, a.Secret, "bedrock", noon, prepare)
			p, err := identify(k, r, body, noon)
			f := fault.From(err)
			if f == nil || f.Kind != fault.Unauthenticated || !f.NoRetry || p.Key != "" {
				t.Errorf("%s, %s: let in as %+v, %v", name, how, p, err)
				continue
			}
			if said == "" {
				said = f.Error()
			}
			if f.Error() != said {
				t.Errorf("%s, %s: says %q, others %q", name, how, f.Error(), said)
			}
		}
	}
	if _, err := k.Identify(identity.Credential(text), noon); err != nil {
		t.Errorf("the bearer's key: %v", err)
	}
	without := identity.NewKeyring(bytes.Repeat([]byte{7}, identity.PepperBytes))
	without.Replace(k.List())
	r, body := signed(t, "/x", `{}`, access.ID, access.Secret, "bedrock", noon, nil)
	if _, err := identify(without, r, body, noon); fault.From(err).Error() != said {
		t.Errorf("without a store key: %v", err)
	}
}

func TestDerives_NoticesALostStoreKey(t *testing.T) {
	k := signers(t, 1)
	key, _ := pair(t, k, time.Time{})
	if !k.Derives(key) {
		t.Error("the keyring that made a key does not derive it")
	}
	if signers(t, 2).Derives(key) {
		t.Error("another store key derives it")
	}
}
