-- One page of suppressions, the newest first, with filters that may be null. Leans on the primary key, backwards.
SELECT suppression_id, channel, address_hash, address_sealed, reason, source, since, until, lifted_at, actor_kind, actor_id
FROM suppressions
WHERE tenant_id = $1
  AND ($2::uuid IS NULL OR suppression_id < $2)
  AND ($3::smallint IS NULL OR reason = $3)
  AND ($4::smallint IS NULL OR channel = $4)
  -- Null: lifted ones and those that have run out, too.
  AND ($5::timestamptz IS NULL OR (lifted_at IS NULL AND (until IS NULL OR until > $5)))
ORDER BY suppression_id DESC
LIMIT $6
