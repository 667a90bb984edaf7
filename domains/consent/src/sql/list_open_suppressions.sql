-- Those of one address that nobody has lifted, run out or not. Leans on suppressions_live.
SELECT suppression_id, channel, address_hash, address_sealed, reason, source, since, until, lifted_at, actor_kind, actor_id
FROM suppressions
WHERE tenant_id = $1 AND address_hash = $2 AND channel = $3 AND lifted_at IS NULL
