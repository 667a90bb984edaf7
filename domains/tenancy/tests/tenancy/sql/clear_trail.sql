-- Refused to everybody.
DELETE FROM audit_events
