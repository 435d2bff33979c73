-- +goose Up

-- What was checked out, one row a basket, for the books. It is projected from
-- the events and can be rebuilt from them. A basket itself is read from its
-- events: they are few.
CREATE TABLE checkouts (
    basket_id   TEXT   NOT NULL PRIMARY KEY,
    customer_id TEXT   NOT NULL,
    total       BIGINT NOT NULL,
    currency    TEXT   NOT NULL,
    lines       BIGINT NOT NULL,
    units       BIGINT NOT NULL
);

-- What the stores said last. A product may be heard of before its store; until
-- then the store counts as closed. A removed product keeps its row, so that it
-- is known to be removed.
CREATE TABLE stores (
    id            TEXT   NOT NULL PRIMARY KEY,
    name          TEXT   NOT NULL,
    participating BIGINT NOT NULL
);
CREATE TABLE products (
    id       TEXT   NOT NULL PRIMARY KEY,
    store_id TEXT   NOT NULL,
    name     TEXT   NOT NULL,
    price    BIGINT NOT NULL,
    currency TEXT   NOT NULL,
    removed  BIGINT NOT NULL
);

-- Which customers may not start a basket. Whoever is not here may.
CREATE TABLE disabled_customers (
    id TEXT NOT NULL PRIMARY KEY
);
