-- One page of what a person said, under whichever record, the newest first. Leans on consent_events_recipient and recipients_merged.
WITH RECURSIVE person AS (
    SELECT $2::uuid AS recipient_id
    UNION ALL
    SELECT merged.recipient_id
    FROM person
    JOIN recipients AS merged ON merged.tenant_id = $1 AND merged.merged_into = person.recipient_id
)
SELECT said.event_id, said.recipient_id, said.channel, said.address_hash, said.purpose, said.state, said.source, said.wording_sealed,
       said.wording_version, said.language, said.actor_kind, said.actor_id, said.at, said.expires_at, said.inbound_id
FROM person
JOIN consent_events AS said ON said.tenant_id = $1 AND said.recipient_id = person.recipient_id
WHERE $3::uuid IS NULL OR said.event_id < $3
ORDER BY said.event_id DESC
LIMIT $4
