-- Writes states that were derived from the evidence.
INSERT INTO consent_states (tenant_id, channel, address_hash, recipient_id, purpose, state, since, expires_at)
SELECT $1, present.*
FROM unnest($2::smallint[], $3::bytea[], $4::uuid[], $5::smallint[], $6::smallint[], $7::timestamptz[], $8::timestamptz[])
    AS present (channel, address_hash, recipient_id, purpose, state, since, expires_at)
