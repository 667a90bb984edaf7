-- Present consent at each of many addresses. Leans on the primary key of consent_states, which holds all of it.
SELECT wanted.place, present.recipient_id, present.purpose, present.state, present.since, present.expires_at
FROM unnest($2::smallint[], $3::bytea[]) WITH ORDINALITY AS wanted (channel, address_hash, place)
JOIN consent_states AS present
  ON present.tenant_id = $1 AND present.address_hash = wanted.address_hash AND present.channel = wanted.channel
ORDER BY wanted.place, present.recipient_id, present.purpose
