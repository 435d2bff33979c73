-- +goose Up
CREATE TABLE keys (
	id         TEXT NOT NULL PRIMARY KEY,
	hash       TEXT NOT NULL,
	holder     TEXT NOT NULL,
	roles      TEXT NOT NULL,
	customer   TEXT NOT NULL,
	stores     TEXT NOT NULL,
	created_at BIGINT NOT NULL,
	created_by TEXT NOT NULL,
	expires_at BIGINT NOT NULL,
	revoked_at BIGINT NOT NULL
);
CREATE INDEX keys_by_holder ON keys (holder);
