-- Tenants and channels with open deliveries that are due. Two index probes for each pair and priority. Leans on deliveries_due.
WITH RECURSIVE waiting AS (
    (SELECT tenant_id, channel, priority FROM deliveries WHERE is_open ORDER BY tenant_id, channel, priority LIMIT 1)
    UNION ALL
    SELECT next.tenant_id, next.channel, next.priority
    FROM waiting
    CROSS JOIN LATERAL (
        SELECT tenant_id, channel, priority FROM deliveries
        WHERE is_open AND (tenant_id, channel, priority) > (waiting.tenant_id, waiting.channel, waiting.priority)
        ORDER BY tenant_id, channel, priority
        LIMIT 1
    ) AS next
)
SELECT DISTINCT tenant_id, channel
FROM waiting
WHERE EXISTS (
    SELECT FROM deliveries AS due
    WHERE due.is_open
      AND due.tenant_id = waiting.tenant_id
      AND due.channel = waiting.channel
      AND due.priority = waiting.priority
      AND due.due_at <= $1
)
