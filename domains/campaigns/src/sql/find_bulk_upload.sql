-- What came of an upload that was posted before. Leans on bulk_send_uploads_pkey.
SELECT fingerprint, report FROM bulk_send_uploads WHERE tenant_id = $1 AND bulk_send_id = $2 AND key_hash = $3
