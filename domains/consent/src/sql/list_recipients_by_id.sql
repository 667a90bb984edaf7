-- People by their ids. Leans on the primary key.
SELECT recipient_id, external_id_hash, profile_sealed, kind, language, zone, state, is_active, merged_into, version, created_at, updated_at
FROM recipients
WHERE tenant_id = $1 AND recipient_id = ANY ($2)
