-- Receipts in the history of some tenants. A scan, after the run.
SELECT count(*) AS receipts FROM delivery_events WHERE tenant_id = ANY($1::uuid[]) AND kind = 4
