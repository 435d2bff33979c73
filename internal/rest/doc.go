// Package rest serves the RPCs of a server as plain HTTP and JSON, as the
// google.api.http annotations beside them say. It is no gateway: a request goes
// straight into the server's own dispatch, through the same interceptors as one
// that came over gRPC.
//
// What a request says reaches the request message so: variables of the path
// first; then the body, which is proto3 JSON, for the whole message ("*") or
// for one field; then, where the body is not the whole message, the query, by
// the JSON names of the fields ("createdAfter", "price.minorUnits"; repeated
// for a list). What nobody asked for is refused, never ignored: unknown fields,
// unknown query parameters, a body where none is meant to be. The same field in
// path and body must agree.
//
// Answers are proto3 JSON with the fields at their default value written too.
// Errors are application/problem+json (RFC 9457) with a stable code; the kind
// of the fault decides the status. Besides the statuses of the kinds there are
// 405 with Allow, 413 for a body over 1 MiB, and 415 for a body that is not
// JSON.
//
// A server stream is served as server-sent events: one event per message, its
// id the version of what the message holds (the field version of the message,
// or of the one message in it), so that a client that lost the connection says
// by Last-Event-ID where it was. An error that comes after the first event is
// an event called error.
package rest
