-- +goose Up

-- What the depot knows of the stores module, fed by its events.
CREATE TABLE stores (
    id       TEXT NOT NULL PRIMARY KEY,
    name     TEXT NOT NULL,
    location TEXT NOT NULL
);
CREATE TABLE products (
    id       TEXT   NOT NULL PRIMARY KEY,
    store_id TEXT   NOT NULL,
    name     TEXT   NOT NULL,
    removed  BIGINT NOT NULL
);

-- What there is of each product. The ledger says why: rows are only ever added
-- to it, in the transaction that changes the level, and a reference (an order,
-- or a receipt) moves a product at most once in each way.
CREATE TABLE stock (
    product_id TEXT   NOT NULL PRIMARY KEY,
    received   BIGINT NOT NULL CHECK (received <= 2147483647),
    on_hand    BIGINT NOT NULL CHECK (on_hand >= 0),
    reserved   BIGINT NOT NULL CHECK (reserved >= 0),
    picked     BIGINT NOT NULL CHECK (picked >= 0),
    version    BIGINT NOT NULL,
    CHECK (on_hand + reserved + picked = received)
);
CREATE TABLE stock_ledger (
    reference  TEXT   NOT NULL,
    product_id TEXT   NOT NULL,
    kind       TEXT   NOT NULL,
    quantity   BIGINT NOT NULL CHECK (quantity > 0),
    moved_at   BIGINT NOT NULL,
    PRIMARY KEY (reference, product_id, kind)
);
CREATE INDEX stock_ledger_product_id ON stock_ledger (product_id, moved_at);

-- The orders that the depot has heard of, with what it answered: reserved,
-- failed, or ended for one that ended before it was heard of.
CREATE TABLE reservations (
    order_id TEXT NOT NULL PRIMARY KEY,
    state    TEXT NOT NULL
);

-- The read models of the lists and the bots. All can be rebuilt from the events.
CREATE TABLE shopping_lists (
    id         TEXT   NOT NULL PRIMARY KEY,
    status     TEXT   NOT NULL,
    bot_id     TEXT   NOT NULL,
    items      TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    version    BIGINT NOT NULL
);
CREATE INDEX shopping_lists_created_at ON shopping_lists (created_at, id);
CREATE INDEX shopping_lists_status ON shopping_lists (status, created_at, id);

CREATE TABLE bots (
    id      TEXT   NOT NULL PRIMARY KEY,
    name    TEXT   NOT NULL,
    version BIGINT NOT NULL
);

-- Which bot picks which list: one each.
CREATE TABLE bot_work (
    bot_id  TEXT NOT NULL PRIMARY KEY,
    list_id TEXT NOT NULL UNIQUE
);
