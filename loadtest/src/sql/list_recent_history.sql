-- Digests of what was written into the history since an instant: no entry may change or go later. A scan of it.
SELECT event_id, hashtextextended(entry::text, 0) AS digest
FROM delivery_events AS entry WHERE tenant_id = ANY($1::uuid[]) AND at >= $2::timestamptz
