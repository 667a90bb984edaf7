-- One suppression. Leans on the primary key.
SELECT suppression_id, channel, address_hash, address_sealed, reason, source, since, until, lifted_at, actor_kind, actor_id
FROM suppressions
WHERE tenant_id = $1 AND suppression_id = $2
