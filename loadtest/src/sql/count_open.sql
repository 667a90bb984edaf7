-- Deliveries for which something is still to be done. Leans on deliveries_due.
SELECT count(*) AS open FROM deliveries WHERE tenant_id = ANY($1::uuid[]) AND is_open
