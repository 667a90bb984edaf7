-- Refused to everybody.
UPDATE audit_events SET action = 'nothing.happened'
