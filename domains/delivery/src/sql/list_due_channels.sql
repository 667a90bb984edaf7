-- Tenants and channels with open deliveries that are due, from an instant on. Leans on deliveries_due.
-- One index probe for each day, pair and priority with open ones; index entries from before that instant are passed over
-- without a look at their rows, which may long be closed.
WITH RECURSIVE day AS MATERIALIZED (
    -- Partition by partition: most days have few open deliveries or none, and merging all days for each pair would ask
    -- every day for every pair.
    SELECT first_message_id(partition.day::timestamp AT TIME ZONE 'UTC') AS first_id,
           first_message_id((partition.day + 1)::timestamp AT TIME ZONE 'UTC') AS end_id
    FROM (
        SELECT to_date(right(child.relname, 8), 'YYYYMMDD') AS day
        FROM pg_inherits
        JOIN pg_class AS child ON child.oid = inhrelid
        WHERE inhparent = 'deliveries'::regclass
    ) AS partition
), waiting AS (
    SELECT day.first_id, day.end_id, first.tenant_id, first.channel, first.priority, first.due_at
    FROM day
    CROSS JOIN LATERAL (
        SELECT tenant_id, channel, priority, due_at FROM deliveries
        WHERE is_open AND due_at >= $1 AND message_id >= day.first_id AND message_id < day.end_id
        ORDER BY tenant_id, channel, priority, due_at
        LIMIT 1
    ) AS first
    UNION ALL
    SELECT waiting.first_id, waiting.end_id, next.tenant_id, next.channel, next.priority, next.due_at
    FROM waiting
    CROSS JOIN LATERAL (
        SELECT tenant_id, channel, priority, due_at FROM deliveries
        WHERE is_open
          AND due_at >= $1
          AND message_id >= waiting.first_id
          AND message_id < waiting.end_id
          AND (tenant_id, channel, priority) > (waiting.tenant_id, waiting.channel, waiting.priority)
        ORDER BY tenant_id, channel, priority, due_at
        LIMIT 1
    ) AS next
)
-- Each row is the first of its kind to be due.
SELECT tenant_id, channel, min(due_at) AS first_due_at FROM waiting WHERE due_at <= $2 GROUP BY tenant_id, channel
