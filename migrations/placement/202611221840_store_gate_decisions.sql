-- DEL-8: what each rule of the gate said stands beside the event that it led to. Compact; see carepost_delivery::GateRecord.
-- Nullable and without a default: no row is rewritten, and the former program goes on writing.
ALTER TABLE delivery_events ADD COLUMN gate bytea;

-- What a message from outside was understood as, and what was done about it.
ALTER TABLE inbound_messages
    -- carepost_consent::keywords::Reply by its name.
    ADD COLUMN reply text,
    -- It changed something, and is to be answered: once.
    ADD COLUMN is_answered boolean,
    -- When all that follows from it was done; null: to be done, again after a crash.
    ADD COLUMN handled_at timestamptz;
-- Those from before this file are history.
UPDATE inbound_messages SET handled_at = received_at;
CREATE INDEX inbound_messages_open ON inbound_messages (tenant_id, inbound_id) WHERE handled_at IS NULL;
GRANT UPDATE (reply, is_answered, handled_at) ON inbound_messages TO carepost_app;
