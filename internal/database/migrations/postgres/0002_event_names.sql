-- +goose Up
-- Every (aggregate, name) of which an event was ever stored. A program that
-- cannot read one of them refuses to start.

CREATE TABLE event_names (
    aggregate TEXT NOT NULL,
    name      TEXT NOT NULL,
    PRIMARY KEY (aggregate, name)
);
INSERT INTO event_names (aggregate, name) SELECT DISTINCT aggregate, name FROM events;
