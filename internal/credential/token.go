package credential

import (
	"context"
	"encoding/json"
	"errors"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"mallbots/internal/fault"
	"mallbots/internal/identity"
)

// What is wrong with a token. None of them repeats it.
var (
	ErrTokenMalformed = fault.New(fault.Unauthenticated, "TOKEN_MALFORMED", "this is neither an API key nor a signed token")
	ErrTokenAlgorithm = fault.New(fault.Unauthenticated, "TOKEN_ALGORITHM", "the token must be signed with an asymmetric algorithm, such as RS256, ES256 or EdDSA")
	ErrTokenSignature = fault.New(fault.Unauthenticated, "TOKEN_SIGNATURE", "the token is not signed by the issuer")
	ErrTokenIssuer    = fault.New(fault.Unauthenticated, "TOKEN_ISSUER", "the token is from another issuer")
	ErrTokenAudience  = fault.New(fault.Unauthenticated, "TOKEN_AUDIENCE", "the token is for another audience")
	ErrTokenExpired   = fault.New(fault.Unauthenticated, "TOKEN_EXPIRED", "the token has expired, or never does; get a new one")
	ErrTokenEarly     = fault.New(fault.Unauthenticated, "TOKEN_NOT_YET_VALID", "the token is not valid yet")
	ErrTokenSubject   = fault.New(fault.Unauthenticated, "TOKEN_SUBJECT", "the token's subject must be 1 to 200 visible characters, and not a name of the mall's own")
)

// leeway is how far the issuer's clock and ours may differ.
const leeway = 30 * time.Second

// algorithms are the signatures that count: all of them have a secret that only
// the issuer knows.
var algorithms = []jose.SignatureAlgorithm{
	jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512, jose.ES256, jose.ES384, jose.ES512, jose.EdDSA,
}

// Verify returns whose a token is, and when it expires.
func (i *Issuer) Verify(ctx context.Context, text string) (identity.Principal, time.Time, error) {
	none := func(err error) (identity.Principal, time.Time, error) {
		return identity.Principal{}, time.Time{}, err
	}
	token, err := jwt.ParseSigned(text, algorithms)
	var unexpected *jose.ErrUnexpectedSignatureAlgorithm
	switch {
	case errors.As(err, &unexpected):
		return none(ErrTokenAlgorithm)
	case err != nil, len(token.Headers) != 1:
		return none(ErrTokenMalformed)
	}
	header := token.Headers[0]
	key, err := i.key(ctx, header.KeyID)
	if err != nil {
		return none(err)
	}
	if key.Algorithm != "" && key.Algorithm != header.Algorithm {
		return none(ErrTokenAlgorithm)
	}
	var claims jwt.Claims
	var all map[string]json.RawMessage
	if err := token.Claims(key.Key, &claims, &all); err != nil {
		return none(ErrTokenSignature)
	}
	if err := i.current(claims); err != nil {
		return none(err)
	}
	p, err := i.principal(claims.Subject, all)
	if err != nil {
		return none(err)
	}
	return p, claims.Expiry.Time(), nil
}

// current says why a token whose signature is right does not count.
func (i *Issuer) current(claims jwt.Claims) error {
	if claims.Expiry == nil {
		return ErrTokenExpired
	}
	err := claims.ValidateWithLeeway(jwt.Expected{
		Issuer: i.settings.URL, AnyAudience: jwt.Audience{i.settings.Audience}, Time: i.now(),
	}, leeway)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, jwt.ErrInvalidIssuer):
		return ErrTokenIssuer
	case errors.Is(err, jwt.ErrInvalidAudience):
		return ErrTokenAudience
	case errors.Is(err, jwt.ErrExpired):
		return ErrTokenExpired
	case errors.Is(err, jwt.ErrNotValidYet), errors.Is(err, jwt.ErrIssuedInTheFuture):
		return ErrTokenEarly
	}
	return ErrTokenMalformed
}

var subject = regexp.MustCompile(`^[!-~]{1,200}$`)

// principal is what the claims say of a subject. Roles that the mall does not
// know say nothing.
func (i *Issuer) principal(sub string, all map[string]json.RawMessage) (identity.Principal, error) {
	if !subject.MatchString(sub) || slices.Contains(i.settings.Reserved, sub) ||
		slices.ContainsFunc([]string{"key:", "internal:", "cert:"}, func(own string) bool { return strings.HasPrefix(sub, own) }) {
		return identity.Principal{}, ErrTokenSubject
	}
	p := identity.Principal{Subject: sub, Stores: words(all["mallbots_stores"])}
	if customer := words(all["mallbots_customer"]); len(customer) == 1 {
		p.Customer = customer[0]
	}
	for _, word := range words(claimAt(all, i.settings.RolesClaim)) {
		if role := identity.Role(word); slices.Contains(identity.Roles, role) && !p.Has(role) {
			p.Roles = append(p.Roles, role)
		}
	}
	return p, nil
}

// claimAt is a claim by its name, or by the names that lead to it.
func claimAt(all map[string]json.RawMessage, name string) json.RawMessage {
	if claim, ok := all[name]; ok {
		return claim
	}
	first, rest, nested := strings.Cut(name, ".")
	var inner map[string]json.RawMessage
	if !nested || json.Unmarshal(all[first], &inner) != nil {
		return nil
	}
	return claimAt(inner, rest)
}

// words are those of a claim that is a list of strings, or one string.
func words(claim json.RawMessage) []string {
	var list []string
	if json.Unmarshal(claim, &list) == nil {
		return list
	}
	var text string
	if json.Unmarshal(claim, &text) == nil {
		return strings.Fields(text)
	}
	return nil
}
