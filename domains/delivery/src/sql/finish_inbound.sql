-- All that follows from a message from outside was done. Leans on inbound_messages_pkey.
UPDATE inbound_messages SET handled_at = $3 WHERE tenant_id = $1 AND inbound_id = $2 AND handled_at IS NULL
