-- How many deliveries of each tenant are open and due by an instant, counted up to a bound for each. Index only: deliveries_due.
SELECT wanted.tenant_id, counted.waiting
FROM unnest($1::uuid[], $2::bigint[]) AS wanted (tenant_id, most)
CROSS JOIN LATERAL (
    SELECT count(*) AS waiting
    FROM (
        SELECT FROM deliveries
        WHERE tenant_id = wanted.tenant_id
          -- Channel by channel, so that what is due later is not even passed over.
          AND channel = ANY ($3::smallint[])
          AND is_open
          AND due_at <= $4
        LIMIT wanted.most
    ) AS due
) AS counted
