-- Who is reached at each of many addresses, and what they wish. Leans on contact_points_address, contact_points_voice, recipients_merged and the primary keys of recipients and preferences.
SELECT wanted.place, person.recipient_id, person.zone, person.state, person.language, wish.body,
       -- Their former records, however many merges ago: messages may still wait under those.
       ARRAY(
           WITH RECURSIVE former AS (
               SELECT merged.recipient_id
               FROM recipients AS merged
               WHERE merged.tenant_id = $1 AND merged.merged_into = person.recipient_id
               UNION ALL
               SELECT merged.recipient_id
               FROM former
               JOIN recipients AS merged ON merged.tenant_id = $1 AND merged.merged_into = former.recipient_id
           )
           SELECT former.recipient_id FROM former ORDER BY former.recipient_id
       ) AS also
FROM unnest($2::smallint[], $3::bytea[]) WITH ORDINALITY AS wanted (channel, address_hash, place)
CROSS JOIN LATERAL (
    SELECT point.recipient_id
    FROM contact_points AS point
    WHERE point.tenant_id = $1 AND point.address_hash = wanted.address_hash AND point.channel = wanted.channel
      AND point.is_active
    UNION ALL
    -- A phone is called by another hash of its number: carepost_kernel::Channel::Voice.
    SELECT point.recipient_id
    FROM contact_points AS point
    WHERE wanted.channel = 5 AND point.tenant_id = $1 AND point.voice_hash = wanted.address_hash AND point.is_active
) AS point
JOIN recipients AS person ON person.tenant_id = $1 AND person.recipient_id = point.recipient_id
LEFT JOIN preferences AS wish ON wish.tenant_id = $1 AND wish.recipient_id = point.recipient_id
WHERE person.is_active AND person.merged_into IS NULL
ORDER BY wanted.place, person.recipient_id
