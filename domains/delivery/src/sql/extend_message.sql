-- Gives a message that is redriven a new end. Leans on messages_pkey.
UPDATE messages SET expires_at = greatest(expires_at, $3) WHERE tenant_id = $1 AND message_id = ANY ($2)
