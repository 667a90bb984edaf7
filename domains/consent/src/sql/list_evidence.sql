-- What decides over the state of many people at their addresses: what they said, under whichever record, and what was said for the address. Leans on consent_events_address and recipients_merged.
WITH RECURSIVE person AS (
    SELECT wanted.place, wanted.channel, wanted.address_hash, wanted.recipient_id
    FROM unnest($2::smallint[], $3::bytea[], $4::uuid[]) WITH ORDINALITY AS wanted (channel, address_hash, recipient_id, place)
    UNION ALL
    SELECT person.place, person.channel, person.address_hash, merged.recipient_id
    FROM person
    JOIN recipients AS merged ON merged.tenant_id = $1 AND merged.merged_into = person.recipient_id
)
SELECT person.place, said.event_id, said.purpose, said.state, said.at, said.expires_at
FROM person
JOIN consent_events AS said
  ON said.tenant_id = $1 AND said.address_hash = person.address_hash AND said.channel = person.channel
-- Of an address whoever reads there: what comes twice decides no more than once.
WHERE said.recipient_id = person.recipient_id OR said.recipient_id IS NULL
