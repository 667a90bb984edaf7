-- Messages from outside that were stored before an instant and not followed to their end, some of each tenant: a process died over them. Leans on inbound_messages_open.
SELECT open.tenant_id, open.inbound_id, open.provider_account_id, open.channel, open.received_at, open.keyword,
       open.reply, open.payload_sealed
FROM unnest($1::uuid[]) AS wanted (tenant_id)
CROSS JOIN LATERAL (
    SELECT *
    FROM inbound_messages AS held
    WHERE held.tenant_id = wanted.tenant_id AND held.handled_at IS NULL AND held.received_at < $2
    ORDER BY held.inbound_id
    LIMIT $3
) AS open
