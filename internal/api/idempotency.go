package api

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	"mallbots/internal/cause"
	"mallbots/internal/database"
	"mallbots/internal/eventsourcing"
	"mallbots/internal/fault"
	"mallbots/internal/identity"
)

// What is wrong with a request that carries an Idempotency-Key.
var (
	ErrKeyMalformed = fault.New(fault.Invalid, "IDEMPOTENCY_KEY_MALFORMED", "Idempotency-Key must be 1 to 255 visible ASCII characters")
	ErrKeyReused    = fault.New(fault.Unprocessable, "IDEMPOTENCY_KEY_REUSED", "this Idempotency-Key was used for another request; use a new one")
	ErrKeyInFlight  = fault.New(fault.Conflict, "IDEMPOTENCY_IN_FLIGHT", "the first request with this Idempotency-Key is still at work; ask again in a moment")
)

// idempotencyKept is how long a response is stored for its key.
const idempotencyKept = 24 * time.Hour

// errStoredMeanwhile ends a transaction that finds another one's response under
// its key when it stores its own.
var errStoredMeanwhile = errors.New("api: another request with the same key was faster")

// idempotencyKey is what makes two requests the same one.
type idempotencyKey struct{ principal, procedure, key string }

// stored is a response as it is kept.
type stored struct {
	hash     string
	response []byte
	headers  string // JSON: name → value
}

// once is Mutate for a request with a key. It does not look first whether the
// request was answered before, because it hardly ever was: a transaction that
// was can't store its response, and is undone.
func once[Res proto.Message](ctx context.Context, db database.DB, req proto.Message, do func(context.Context, database.Tx) (Res, error)) (Res, error) {
	var none Res
	r := requestFrom(ctx)
	key := idempotencyKey{principal: cause.From(ctx).Actor, procedure: r.procedure, key: r.key}
	if _, busy := r.inFlight.LoadOrStore(key, true); busy {
		return none, ErrKeyInFlight
	}
	defer r.inFlight.Delete(key)

	hash, err := hashRequest(req)
	if err != nil {
		return none, err
	}
	res, err := race(ctx, func() (Res, error) {
		return attempt(ctx, db, do, func(ctx context.Context, tx database.Tx, res Res, position string) error {
			return remember(ctx, tx, key, hash, res, position)
		})
	})
	if err == nil {
		return res, nil
	}
	// What failed may have failed for what the same request did earlier, here or
	// in another process: then that one's answer is the answer.
	// While nobody can tell, a refusal would be a guess.
	if stored, found, lookup := recall[Res](ctx, db, key, hash); found || lookup != nil {
		return stored, lookup
	}
	if errors.Is(err, errStoredMeanwhile) {
		return none, eventsourcing.ErrConflict
	}
	return none, err
}

// recall returns the stored response under key, if there is one.
func recall[Res proto.Message](ctx context.Context, q database.Querier, key idempotencyKey, hash string) (res Res, found bool, err error) {
	row, err := database.One(ctx, q, func(row database.Row) (stored, error) {
		var s stored
		err := row.Scan(&s.hash, &s.response, &s.headers)
		return s, err
	}, `SELECT request_hash, response, headers FROM idempotency
		WHERE principal = $1 AND procedure = $2 AND key = $3 AND created_at > $4`,
		key.principal, key.procedure, key.key, database.Micros(time.Now().Add(-idempotencyKept)))
	if errors.Is(err, database.ErrNoRows) {
		return res, false, nil
	}
	if err != nil {
		return res, false, fmt.Errorf("look up idempotency key: %w", err)
	}
	if row.hash != hash {
		return res, false, ErrKeyReused
	}
	message, ok := res.ProtoReflect().New().Interface().(Res)
	if !ok {
		return res, false, fmt.Errorf("api: %T is not its own message type", res)
	}
	if err := proto.Unmarshal(row.response, message); err != nil {
		return res, false, fmt.Errorf("decode the response stored for an idempotency key: %w", err)
	}
	var headers map[string]string
	if err := json.Unmarshal([]byte(row.headers), &headers); err != nil {
		return res, false, fmt.Errorf("decode the headers stored for an idempotency key: %w", err)
	}
	setHeader(ctx, headerETag, "") // that of what was undone
	for name, value := range headers {
		setHeader(ctx, name, value)
	}
	identity.Assure(ctx) // it was theirs when it was stored
	return message, true, nil
}

// remember stores a response with its transaction. A row that has outlived its
// time and was not pruned yet makes room for it.
func remember(ctx context.Context, tx database.Tx, key idempotencyKey, hash string, res proto.Message, position string) error {
	response, err := proto.Marshal(res)
	if err != nil {
		return fmt.Errorf("encode a response to store: %w", err)
	}
	headers := map[string]string{}
	if etag := header(ctx, headerETag); etag != "" {
		headers[headerETag] = etag
	}
	if position != "" {
		headers[headerPosition] = position
	}
	encoded, err := json.Marshal(headers)
	if err != nil {
		return fmt.Errorf("encode response headers to store: %w", err)
	}
	now := time.Now()
	tx.Queue(database.Statement{
		SQL: `INSERT INTO idempotency (principal, procedure, key, request_hash, response, headers, created_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7)
			ON CONFLICT (principal, procedure, key) DO UPDATE SET
				request_hash = excluded.request_hash, response = excluded.response,
				headers = excluded.headers, created_at = excluded.created_at
			WHERE idempotency.created_at <= $8`,
		Args: []any{
			key.principal, key.procedure, key.key, hash, response, string(encoded),
			database.Micros(now), database.Micros(now.Add(-idempotencyKept)),
		},
		Rows: 1, Else: errStoredMeanwhile,
	})
	return nil
}

// PruneIdempotency deletes the stored responses of one module that are older
// than 24 hours. Run it about once an hour.
func PruneIdempotency(ctx context.Context, db database.DB) error {
	return db.InTx(ctx, func(tx database.Tx) error {
		_, err := tx.Exec(ctx, `DELETE FROM idempotency WHERE created_at <= $1`, database.Micros(time.Now().Add(-idempotencyKept)))
		if err != nil {
			return fmt.Errorf("prune idempotency keys: %w", err)
		}
		return nil
	})
}

// hashRequest is the same for the same request message, whichever protocol and
// encoding it came in.
func hashRequest(req proto.Message) (string, error) {
	data, err := proto.MarshalOptions{Deterministic: true}.Marshal(req)
	if err != nil {
		return "", fmt.Errorf("hash a request: %w", err)
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:]), nil
}
