-- +goose Up
-- How far the migrations of the platform and of the module have come, and the
-- least that a program must know of them to run on this database.
CREATE TABLE schema_floor (
    name    TEXT   NOT NULL PRIMARY KEY, -- goose_platform or goose_module
    version BIGINT NOT NULL,
    floor   BIGINT NOT NULL
);
