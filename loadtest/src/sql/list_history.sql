-- The history of some tenants, oldest first, each entry with a digest of all that it says. A scan, after the run.
SELECT message_id, event_id, kind, at, attempt_no, code, hashtextextended(entry::text, 0) AS digest
FROM delivery_events AS entry WHERE tenant_id = ANY($1::uuid[]) ORDER BY event_id
