-- DEL-8: what each rule of the gate said stands beside the event that it led to. Compact; see carepost_delivery::GateRecord.
-- Nullable and without a default: no row is rewritten, and the former program goes on writing.
ALTER TABLE delivery_events ADD COLUMN gate bytea;
