-- Writes what somebody wishes. Leans on the primary key.
INSERT INTO preferences (tenant_id, recipient_id, body, version, updated_at)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (tenant_id, recipient_id)
DO UPDATE SET body = EXCLUDED.body, version = EXCLUDED.version, updated_at = EXCLUDED.updated_at
