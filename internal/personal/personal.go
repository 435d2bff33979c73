// Package personal keeps what is said about a person readable only as long as
// the person wants it to be.
//
// Each person has a key of their own, a row in the table personal_keys of the
// module that knows them. Their personal fields are sealed with it wherever
// they are stored: in events, which are never rewritten, and in read models.
// To erase a person is to destroy that key; nothing else has to be found and
// changed. What was sealed then reads as empty text, for ever: an aggregate
// still folds, and a read model can still be rebuilt.
//
// A sealed field is AES-256-GCM with the person's id as associated data, so
// that it opens for nobody else. Its nonce is drawn from the text and the key:
// the same text of the same person seals to the same bytes, which makes a
// rebuilt read model equal to the one it replaces. All it tells whoever reads
// the database without the key is that a person's field has the value of before.
package personal

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"mallbots/internal/database"
)

// Keys seals and opens the personal fields of the people of one module. The
// zero value is ready: the keys are in the database it is given.
type Keys struct{}

// Seal encrypts plain for person, whose key it makes at the first time, in tx.
// For a person who was erased it keeps nothing and returns the empty text.
func (Keys) Seal(ctx context.Context, tx database.Tx, person, plain string) (string, error) {
	if plain == "" {
		return "", nil
	}
	key, err := find(ctx, tx, person)
	if errors.Is(err, database.ErrNoRows) {
		key, err = create(ctx, tx, person)
	}
	if err != nil {
		return "", err
	}
	return seal(key, person, plain)
}

// Open decrypts what Seal returned for the same person. For a person who was
// erased, or has no key, it returns the empty text. A sealed text that was
// tampered with, or belongs to somebody else, is an error.
func (Keys) Open(ctx context.Context, q database.Querier, person, sealed string) (string, error) {
	if sealed == "" {
		return "", nil
	}
	key, err := find(ctx, q, person)
	if errors.Is(err, database.ErrNoRows) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	return Unseal(key, person, sealed)
}

// Erase destroys the key of person, in tx, for good: an empty row stays, so
// that no new key is ever made. To erase somebody twice changes nothing. Project
// the person's aggregate again afterwards: the read model still holds the sealed
// text, which nobody can open, where a rebuild would write the empty one.
func (Keys) Erase(ctx context.Context, tx database.Tx, person string) error {
	_, err := tx.Exec(ctx, `
		INSERT INTO personal_keys (person, key) VALUES ($1, $2)
		ON CONFLICT (person) DO UPDATE SET key = excluded.key`, person, []byte{})
	if err != nil {
		return fmt.Errorf("erase person %s: %w", person, err)
	}
	return nil
}

// Erased says whether a person's fields read as empty because the key is gone.
func (Keys) Erased(ctx context.Context, q database.Querier, person string) (bool, error) {
	key, err := find(ctx, q, person)
	if errors.Is(err, database.ErrNoRows) {
		return true, nil
	}
	return len(key) == 0, err
}

func find(ctx context.Context, q database.Querier, person string) ([]byte, error) {
	key, err := database.One(ctx, q, database.Value[[]byte], `SELECT key FROM personal_keys WHERE person = $1`, person)
	if err != nil && !errors.Is(err, database.ErrNoRows) {
		err = fmt.Errorf("find the key of person %s: %w", person, err)
	}
	return key, err
}

// create makes the key of person, unless another transaction was faster.
func create(ctx context.Context, tx database.Tx, person string) ([]byte, error) {
	key := make([]byte, keySize)
	if _, err := rand.Read(key); err != nil {
		return nil, fmt.Errorf("make a key for person %s: %w", person, err)
	}
	made, err := tx.Exec(ctx, `
		INSERT INTO personal_keys (person, key) VALUES ($1, $2) ON CONFLICT (person) DO NOTHING`, person, key)
	if err != nil {
		return nil, fmt.Errorf("store the key of person %s: %w", person, err)
	}
	if made == 0 {
		return find(ctx, tx, person)
	}
	return key, nil
}
