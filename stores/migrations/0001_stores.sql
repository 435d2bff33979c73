-- +goose Up
-- What the stores module's queries read. Both tables are projected from the
-- events and can be rebuilt from them.

CREATE TABLE stores (
    id            TEXT   NOT NULL PRIMARY KEY,
    name          TEXT   NOT NULL,
    location      TEXT   NOT NULL,
    participating BIGINT NOT NULL,
    version       BIGINT NOT NULL
);
CREATE INDEX stores_participating ON stores (participating, id);

-- The products on the shelves: a removed one has no row, so its SKU is free.
CREATE TABLE products (
    id          TEXT   NOT NULL PRIMARY KEY,
    store_id    TEXT   NOT NULL,
    name        TEXT   NOT NULL,
    description TEXT   NOT NULL,
    sku         TEXT   NOT NULL,
    price       BIGINT NOT NULL,
    currency    TEXT   NOT NULL,
    version     BIGINT NOT NULL,
    UNIQUE (store_id, sku)
);
CREATE INDEX products_store ON products (store_id, id);
