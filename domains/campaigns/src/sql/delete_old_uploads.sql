-- What is remembered of uploads to a send that goes. Leans on bulk_send_uploads_pkey.
DELETE FROM bulk_send_uploads WHERE tenant_id = $1 AND bulk_send_id = $2
