-- One page of a tenant's people, merged records left out, the newest first. Leans on the primary key, backwards.
SELECT recipient_id, external_id_hash, profile_sealed, kind, language, zone, state, is_active, merged_into, version, created_at, updated_at
FROM recipients
WHERE tenant_id = $1
  AND ($2::uuid IS NULL OR recipient_id < $2)
  AND merged_into IS NULL
  AND ($3::boolean IS NULL OR is_active = $3)
ORDER BY recipient_id DESC
LIMIT $4
