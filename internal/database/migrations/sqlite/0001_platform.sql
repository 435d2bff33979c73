-- +goose Up
-- What every module's database holds besides the module's own tables.

CREATE TABLE events (
    position       INTEGER PRIMARY KEY,
    aggregate      TEXT    NOT NULL,
    aggregate_id   TEXT    NOT NULL,
    version        BIGINT  NOT NULL,
    id             TEXT    NOT NULL UNIQUE,
    name           TEXT    NOT NULL,
    data           TEXT    NOT NULL,
    occurred_at    BIGINT  NOT NULL,
    actor          TEXT    NOT NULL,
    correlation_id TEXT    NOT NULL,
    causation_id   TEXT    NOT NULL,
    UNIQUE (aggregate, aggregate_id, version)
);

CREATE TABLE outbox (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    message_id TEXT    NOT NULL,
    key        TEXT    NOT NULL,
    sequence   BIGINT  NOT NULL,
    subject    TEXT    NOT NULL,
    headers    TEXT    NOT NULL,
    payload    BLOB    NOT NULL,
    created_at BIGINT  NOT NULL
);

CREATE TABLE outbox_keys (
    key      TEXT   NOT NULL PRIMARY KEY,
    sequence BIGINT NOT NULL
) WITHOUT ROWID;

CREATE TABLE outbox_sent (
    message_id      TEXT   NOT NULL PRIMARY KEY,
    key             TEXT   NOT NULL,
    sequence        BIGINT NOT NULL,
    subject         TEXT   NOT NULL,
    headers         TEXT   NOT NULL,
    payload         BLOB   NOT NULL,
    created_at      BIGINT NOT NULL,
    sent_at         BIGINT NOT NULL,
    epoch           TEXT   NOT NULL,
    stream_sequence BIGINT NOT NULL
);
CREATE INDEX outbox_sent_epoch ON outbox_sent (epoch, stream_sequence);

-- A producer's epochs: a new one begins when its database was restored to an
-- earlier time than its stream. The first has no row.
CREATE TABLE producer_epochs (
    number         BIGINT NOT NULL PRIMARY KEY,
    began_at       BIGINT NOT NULL,
    stream_epoch   TEXT   NOT NULL,
    after_sequence BIGINT NOT NULL
);

-- Messages of the stream that the database does not know (any more).
CREATE TABLE lost_messages (
    stream_epoch    TEXT   NOT NULL,
    stream_sequence BIGINT NOT NULL,
    producer_epoch  BIGINT NOT NULL,
    message_id      TEXT   NOT NULL,
    key             TEXT   NOT NULL,
    sequence        BIGINT NOT NULL,
    subject         TEXT   NOT NULL,
    headers         TEXT   NOT NULL,
    payload         BLOB   NOT NULL,
    found_at        BIGINT NOT NULL,
    PRIMARY KEY (stream_epoch, stream_sequence)
);
CREATE INDEX lost_messages_key ON lost_messages (key);
CREATE INDEX outbox_sent_key ON outbox_sent (key);

CREATE TABLE inbox (
    consumer    TEXT   NOT NULL,
    message_id  TEXT   NOT NULL,
    key         TEXT   NOT NULL,
    sequence    BIGINT NOT NULL,
    status      TEXT   NOT NULL,
    received_at BIGINT NOT NULL,
    PRIMARY KEY (consumer, message_id)
) WITHOUT ROWID;

CREATE TABLE inbox_keys (
    consumer TEXT   NOT NULL,
    key      TEXT   NOT NULL,
    sequence BIGINT NOT NULL,
    parked   BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (consumer, key)
) WITHOUT ROWID;

-- Up to where a stream was consumed when this was last noted.
CREATE TABLE inbox_positions (
    consumer TEXT   NOT NULL PRIMARY KEY,
    epoch    TEXT   NOT NULL,
    sequence BIGINT NOT NULL,
    noted_at BIGINT NOT NULL
);

CREATE TABLE dead_letters (
    id         TEXT   NOT NULL PRIMARY KEY,
    consumer   TEXT   NOT NULL,
    message_id TEXT   NOT NULL,
    key        TEXT   NOT NULL,
    sequence   BIGINT NOT NULL,
    type       TEXT   NOT NULL,
    subject    TEXT   NOT NULL,
    headers    TEXT   NOT NULL,
    payload    BLOB   NOT NULL,
    cause      TEXT   NOT NULL,
    error      TEXT   NOT NULL,
    stack      TEXT   NOT NULL,
    attempts   BIGINT NOT NULL,
    first_at   BIGINT NOT NULL,
    last_at    BIGINT NOT NULL,
    original   TEXT   NOT NULL DEFAULT '',
    UNIQUE (consumer, message_id)
);
CREATE INDEX dead_letters_key ON dead_letters (consumer, key, sequence);

-- Dead letters that an operator gave up or replaced by an edited copy.
CREATE TABLE dead_letter_archive (
    id         TEXT   NOT NULL PRIMARY KEY,
    consumer   TEXT   NOT NULL,
    message_id TEXT   NOT NULL,
    key        TEXT   NOT NULL,
    sequence   BIGINT NOT NULL,
    type       TEXT   NOT NULL,
    subject    TEXT   NOT NULL,
    headers    TEXT   NOT NULL,
    payload    BLOB   NOT NULL,
    cause      TEXT   NOT NULL,
    error      TEXT   NOT NULL,
    stack      TEXT   NOT NULL,
    attempts   BIGINT NOT NULL,
    first_at   BIGINT NOT NULL,
    last_at    BIGINT NOT NULL,
    original   TEXT   NOT NULL,
    verb       TEXT   NOT NULL,
    successor  TEXT   NOT NULL
);

-- What operators did, when and why. It is only ever added to.
CREATE TABLE operator_actions (
    id      TEXT   NOT NULL PRIMARY KEY,
    at      BIGINT NOT NULL,
    actor   TEXT   NOT NULL,
    verb    TEXT   NOT NULL,
    target  TEXT   NOT NULL,
    key     TEXT   NOT NULL,
    reason  TEXT   NOT NULL,
    outcome TEXT   NOT NULL
);
CREATE INDEX operator_actions_at ON operator_actions (at);
CREATE INDEX operator_actions_key ON operator_actions (key);

CREATE TABLE timers (
    name           TEXT   NOT NULL,
    key            TEXT   NOT NULL,
    due_at         BIGINT NOT NULL,
    attempts       BIGINT NOT NULL DEFAULT 0,
    correlation_id TEXT   NOT NULL DEFAULT '',
    causation_id   TEXT   NOT NULL DEFAULT '',
    PRIMARY KEY (name, key)
) WITHOUT ROWID;
CREATE INDEX timers_due_at ON timers (due_at);

CREATE TABLE idempotency (
    principal    TEXT   NOT NULL,
    procedure    TEXT   NOT NULL,
    key          TEXT   NOT NULL,
    request_hash TEXT   NOT NULL,
    response     BLOB   NOT NULL,
    headers      TEXT   NOT NULL,
    created_at   BIGINT NOT NULL,
    PRIMARY KEY (principal, procedure, key)
) WITHOUT ROWID;
CREATE INDEX idempotency_created_at ON idempotency (created_at);

CREATE TABLE personal_keys (
    person TEXT NOT NULL PRIMARY KEY,
    key    BLOB NOT NULL
);
