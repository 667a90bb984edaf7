-- Tells all processes what changed for the gate, stamped by the one clock that they share. Leans on the primary key.
INSERT INTO consent_changes (tenant_id, change_id, channel, address_hash, what, at)
-- The moment of this row and not that of its transaction's beginning: what is stamped late is looked for long enough.
SELECT $1, change_id, channel, address_hash, $5, clock_timestamp()
FROM unnest($2::uuid[], $3::smallint[], $4::bytea[]) AS change (change_id, channel, address_hash)
