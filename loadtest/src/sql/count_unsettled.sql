-- Deliveries for which something is still to be done soon: not those that are held for a receipt that may never come
-- (state 20, looked at again in hours). Leans on deliveries_due.
SELECT count(*) AS unsettled FROM deliveries
WHERE tenant_id = ANY($1::uuid[]) AND is_open AND NOT (state = 20 AND due_at > now() + interval '2 hours')
