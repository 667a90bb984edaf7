-- A send whose rows are gone. Leans on bulk_sends_pkey.
DELETE FROM bulk_sends WHERE tenant_id = $1 AND bulk_send_id = $2
