-- +goose Up
-- The read models of the ordering module. All can be rebuilt from the events.

-- Who may order. The name is sealed with the person's key.
CREATE TABLE customers (
    id      TEXT   NOT NULL PRIMARY KEY,
    name    TEXT   NOT NULL,
    enabled BIGINT NOT NULL
);

CREATE TABLE orders (
    id          TEXT   NOT NULL PRIMARY KEY,
    customer_id TEXT   NOT NULL,
    payment_id  TEXT   NOT NULL,
    currency    TEXT   NOT NULL,
    total       BIGINT NOT NULL,
    item_count  BIGINT NOT NULL,
    status      TEXT   NOT NULL,
    reason      TEXT   NOT NULL,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    version     BIGINT NOT NULL
);
CREATE INDEX orders_created_at ON orders (created_at, id);
CREATE INDEX orders_customer_id ON orders (customer_id, created_at, id);
CREATE INDEX orders_status ON orders (status, created_at, id);

CREATE TABLE order_items (
    order_id     TEXT   NOT NULL,
    line         BIGINT NOT NULL,
    store_id     TEXT   NOT NULL,
    product_id   TEXT   NOT NULL,
    store_name   TEXT   NOT NULL,
    product_name TEXT   NOT NULL,
    price        BIGINT NOT NULL,
    quantity     BIGINT NOT NULL,
    PRIMARY KEY (order_id, line)
);
CREATE INDEX order_items_store_id ON order_items (store_id, order_id);
