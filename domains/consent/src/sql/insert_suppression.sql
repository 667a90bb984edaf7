-- Keeps an address from getting anything.
INSERT INTO suppressions
    (tenant_id, suppression_id, channel, address_hash, address_sealed, reason, source, since, until, actor_kind, actor_id)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
