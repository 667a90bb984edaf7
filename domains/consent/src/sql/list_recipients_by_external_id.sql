-- People by the keyed hashes of the callers' own ids. Leans on recipients_external_id.
SELECT recipient_id, external_id_hash, profile_sealed, kind, language, zone, state, is_active, merged_into, version, created_at, updated_at
FROM recipients
WHERE tenant_id = $1 AND external_id_hash = ANY ($2)
