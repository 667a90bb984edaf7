-- Writes entries of the evidence that belong to one deed.
INSERT INTO consent_events
    (tenant_id, event_id, recipient_id, channel, address_hash, purpose, wording_sealed, state, source, wording_version, language,
     actor_kind, actor_id, at, expires_at, inbound_id)
SELECT $1, one.event_id, one.recipient_id, one.channel, one.address_hash, one.purpose, one.wording_sealed, $8, $9, $10, $11,
       $12, $13, $14, $15, $16
FROM unnest($2::uuid[], $3::uuid[], $4::smallint[], $5::bytea[], $6::smallint[], $7::bytea[])
    AS one (event_id, recipient_id, channel, address_hash, purpose, wording_sealed)
