-- Tenants and channels with open deliveries, and when the first of each is due. One index probe for each pair. Leans on deliveries_due.
WITH RECURSIVE pair AS (
    (SELECT tenant_id, channel, due_at FROM deliveries WHERE is_open ORDER BY tenant_id, channel, due_at LIMIT 1)
    UNION ALL
    SELECT next.tenant_id, next.channel, next.due_at
    FROM pair
    CROSS JOIN LATERAL (
        SELECT tenant_id, channel, due_at FROM deliveries
        WHERE is_open AND (tenant_id, channel) > (pair.tenant_id, pair.channel)
        ORDER BY tenant_id, channel, due_at
        LIMIT 1
    ) AS next
)
SELECT tenant_id, channel, due_at FROM pair WHERE due_at <= $1
