-- The message that left last for an address by an instant, advertising aside. Leans on the primary key of contact_sends, which holds all of it.
SELECT message_id
FROM contact_sends
-- carepost_kernel::Purpose.
WHERE tenant_id = $1 AND address_hash = $2 AND channel = $3 AND at <= $4 AND purpose <> $5
ORDER BY at DESC, message_id DESC
LIMIT 1
