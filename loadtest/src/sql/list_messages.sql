-- All messages of some tenants. Leans on messages_pkey.
SELECT message_id FROM messages WHERE tenant_id = ANY($1::uuid[])
