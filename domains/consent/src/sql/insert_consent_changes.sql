-- Tells all processes what changed for the gate.
INSERT INTO consent_changes (tenant_id, change_id, channel, address_hash, what, at)
SELECT $1, change_id, channel, address_hash, $5, $6
FROM unnest($2::uuid[], $3::smallint[], $4::bytea[]) AS change (change_id, channel, address_hash)
