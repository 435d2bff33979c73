-- +goose Up
-- Where the module lives since it was last moved: one row, or none for a module
-- that never was. It is never carried to another database.
CREATE TABLE residence (
    one   BIGINT NOT NULL PRIMARY KEY CHECK (one = 1),
    state TEXT   NOT NULL, -- home, arriving, ready or away
    move  TEXT   NOT NULL, -- the id of the move
    ops   TEXT   NOT NULL, -- the ops listener of the other process
    api   TEXT   NOT NULL, -- the API of the other process, when the module is there
    since BIGINT NOT NULL
);
