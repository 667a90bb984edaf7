-- What a bulk send says. Leans on bulk_sends_pkey.
SELECT content_sealed FROM bulk_sends WHERE tenant_id = $1 AND bulk_send_id = $2
