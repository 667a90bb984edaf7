-- How many deliveries of a tenant are open and due, counted up to a bound. Leans on deliveries_due.
SELECT count(*) AS open
FROM (SELECT FROM deliveries WHERE tenant_id = $1 AND is_open AND due_at <= $2 LIMIT $3) AS counted
