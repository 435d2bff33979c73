-- +goose Up
-- The trace in which a timer was set, so that its firing can be linked to it.

ALTER TABLE timers ADD COLUMN traceparent TEXT NOT NULL DEFAULT '';
