// Package credential makes sure of who asks: by API keys, which the mall makes
// and keeps itself, and by tokens of an OpenID Connect issuer.
//
// An API key is a prefix that scanners for leaked secrets know, the id under
// which it is kept, and 32 random bytes:
//
//	mbk_4f1c09d2a7be_Vv3Kq…
//
// The mall keeps its SHA-256, nothing else: whoever makes a key (NewKey, in the
// operator's process) sees it once. It belongs to a named holder, of whom two keys
// may live at a time, so that the next is there before the last is revoked.
//
// A token is a signed JWT of the one issuer that is configured. Only asymmetric
// signatures count; the issuer's keys are fetched again as they change. Its claims
// say what the holder is:
//
//	sub                the subject, recorded as the actor of what it does
//	roles              customer, store_owner, depot_staff, mall_admin, service
//	mallbots_customer  the id of the customer that the subject is
//	mallbots_stores    the ids of the subject's stores
//
// An Authenticator takes both, and remembers what it has verified.
package credential
