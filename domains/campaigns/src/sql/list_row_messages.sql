-- Rows that are messages already, though their mark was lost with a process: by the keys of their messages. Leans on idempotency_keys_pkey.
SELECT wanted.place, held.message_id
FROM unnest($2::bytea[]) WITH ORDINALITY AS wanted (key_hash, place)
JOIN idempotency_keys AS held ON held.tenant_id = $1 AND held.key_hash = wanted.key_hash
