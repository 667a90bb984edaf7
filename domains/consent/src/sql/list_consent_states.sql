-- Present consent of one person at all addresses that were ever spoken of. Leans on consent_events_recipient, recipients_merged and the primary key.
WITH RECURSIVE person AS (
    SELECT $2::uuid AS recipient_id
    UNION ALL
    SELECT merged.recipient_id
    FROM person
    JOIN recipients AS merged ON merged.tenant_id = $1 AND merged.merged_into = person.recipient_id
), spoken_of AS (
    SELECT DISTINCT said.channel, said.address_hash
    FROM person
    JOIN consent_events AS said ON said.tenant_id = $1 AND said.recipient_id = person.recipient_id
)
SELECT present.channel, present.address_hash, present.purpose, present.state, present.since, present.expires_at
FROM spoken_of
JOIN consent_states AS present
  ON present.tenant_id = $1 AND present.address_hash = spoken_of.address_hash AND present.channel = spoken_of.channel
 AND present.recipient_id = $2
ORDER BY present.channel, present.address_hash, present.purpose
