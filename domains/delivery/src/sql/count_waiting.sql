-- How many deliveries of each tenant are open and due between two instants, counted up to a bound for each. Leans on deliveries_due alone.
SELECT wanted.tenant_id, counted.waiting
FROM unnest($1::uuid[], $2::bigint[]) AS wanted (tenant_id, most)
CROSS JOIN LATERAL (
    SELECT count(*) AS waiting
    FROM (
        SELECT FROM deliveries
        WHERE tenant_id = wanted.tenant_id
          -- By channel and priority, so that what is due later is not even passed over.
          AND channel = ANY ($3::smallint[])
          AND priority = ANY ($5::smallint[])
          AND is_open
          AND due_at >= $6
          AND due_at <= $4
        LIMIT wanted.most
    ) AS due
) AS counted
