-- Makes room for states that are derived anew. Leans on the primary key.
DELETE FROM consent_states AS present
USING unnest($2::smallint[], $3::bytea[], $4::uuid[]) AS wanted (channel, address_hash, recipient_id)
WHERE present.tenant_id = $1 AND present.address_hash = wanted.address_hash AND present.channel = wanted.channel
  AND present.recipient_id = wanted.recipient_id
