-- What somebody wishes. Leans on the primary key.
SELECT body, version, updated_at
FROM preferences
WHERE tenant_id = $1 AND recipient_id = $2
