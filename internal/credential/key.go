package credential

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"mallbots/internal/fault"
	"mallbots/internal/identity"
	"mallbots/internal/secret"
)

// KeyPrefix begins every API key.
const KeyPrefix = "mbk_"

// longestLife is how long a key may live at most.
const longestLife = 400 * 24 * time.Hour

// What is wrong with a key that is to be kept.
var (
	ErrKeyMalformed = fault.New(fault.Invalid, "KEY_MALFORMED", "the key can not be kept like this")
	ErrTwoLive      = fault.New(fault.Conflict, "KEY_TWO_LIVE", "two keys of this holder live already; revoke one first")
	ErrOtherScope   = fault.New(fault.Conflict, "KEY_SCOPE_DIFFERS", "this holder has a key with another scope; revoke it first, or choose another name")
	ErrNoKey        = fault.New(fault.NotFound, "KEY_NOT_FOUND", "there is no such key")
)

// Key is what is kept of an API key.
type Key struct {
	ID       string          `json:"id"`
	Hash     string          `json:"hash,omitempty"` // SHA-256 of the whole key, in hexadecimal
	Holder   string          `json:"holder"`         // who uses it: its subject is "key:" and this
	Roles    []identity.Role `json:"roles"`
	Customer string          `json:"customer,omitempty"` // whose baskets and orders, for a customer
	Stores   []string        `json:"stores,omitempty"`   // which stores, for a store owner
	Created  time.Time       `json:"created"`
	By       string          `json:"by"` // who made it
	Expires  time.Time       `json:"expires"`
	Revoked  time.Time       `json:"revoked,omitzero"`
}

// NewKey makes a key: what its holder is given, and what is kept of it. The
// rest of the latter is the caller's to fill in.
func NewKey() (secret.Text, Key) {
	var id [6]byte
	var random [32]byte
	_, _ = rand.Read(id[:]) // never fails
	_, _ = rand.Read(random[:])
	k := Key{ID: hex.EncodeToString(id[:])}
	text := KeyPrefix + k.ID + "_" + base64.RawURLEncoding.EncodeToString(random[:])
	k.Hash = hashOf(text)
	return secret.Text(text), k
}

// hashOf is what is kept of a credential. It is random enough to need no salt,
// and no slow function.
func hashOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// idOf is the id in the text of a key.
func idOf(text string) (string, bool) {
	id, _, ok := strings.Cut(strings.TrimPrefix(text, KeyPrefix), "_")
	return id, ok && keyID.MatchString(id)
}

var (
	keyID   = regexp.MustCompile(`^[0-9a-f]{12}$`)
	keyHash = regexp.MustCompile(`^[0-9a-f]{64}$`)
	holder  = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,62}$`)
)

// Live reports whether the key works at a moment.
func (k Key) Live(now time.Time) bool { return k.Revoked.IsZero() && now.Before(k.Expires) }

// Principal is who uses the key.
func (k Key) Principal() identity.Principal {
	return identity.Principal{Subject: "key:" + k.Holder, Roles: k.Roles, Customer: k.Customer, Stores: k.Stores}
}

// check says why a key can not be kept.
func (k Key) check(now time.Time) error {
	wrong := func(format string, args ...any) error { return ErrKeyMalformed.With(format, args...) }
	switch {
	case !keyID.MatchString(k.ID), !keyHash.MatchString(k.Hash):
		return wrong("its id and hash must be those that mallbots keys create makes")
	case !holder.MatchString(k.Holder):
		return wrong("the holder's name must be 1 to 63 small letters, digits, dots, dashes and underscores")
	case len(k.Roles) == 0:
		return wrong("it needs a role: one of %v", identity.Roles)
	case !k.Expires.After(now), k.Expires.After(now.Add(longestLife)):
		return wrong("it must expire, within %d days", int(longestLife.Hours()/24))
	case len(k.Stores) > 1000:
		return wrong("it can have 1000 stores")
	}
	for _, role := range k.Roles {
		if !slices.Contains(identity.Roles, role) {
			return wrong("%q is no role; the roles are %v", role, identity.Roles)
		}
	}
	if has := slices.Contains(k.Roles, identity.Customer); has != (k.Customer != "") {
		return wrong("a customer's key, and no other, needs the id of the customer")
	}
	if has := slices.Contains(k.Roles, identity.StoreOwner); has != (len(k.Stores) > 0) {
		return wrong("a store owner's key, and no other, needs the ids of the stores")
	}
	for _, id := range append(slices.Clone(k.Stores), k.Customer) {
		if id != "" && uuid.Validate(id) != nil {
			return wrong("%q is not the id of a customer or a store", id)
		}
	}
	return nil
}

// sameScope reports whether two keys allow the same.
func (k Key) sameScope(other Key) bool {
	return slices.Equal(k.Roles, other.Roles) && k.Customer == other.Customer && slices.Equal(k.Stores, other.Stores)
}
