-- Remembers what came of an upload. Leans on bulk_send_uploads_pkey.
INSERT INTO bulk_send_uploads (tenant_id, bulk_send_id, key_hash, fingerprint, report, at)
VALUES ($1, $2, $3, $4, $5, $6)
