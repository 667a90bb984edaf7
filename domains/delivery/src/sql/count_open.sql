-- How many deliveries of a tenant are open, counted up to a bound. Leans on deliveries_due.
SELECT count(*) AS open FROM (SELECT FROM deliveries WHERE tenant_id = $1 AND is_open LIMIT $2) AS counted
