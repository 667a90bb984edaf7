-- For whom the people at each of many addresses answer. Leans on contact_points_address, contact_points_voice, guardians_guardian, recipients_merged and the primary key of recipients.
SELECT wanted.place, link.guardian_id, ward.recipient_id AS ward_id, link.scope, link.ends_on,
       -- The ward's former records, however many merges ago: messages may still wait under those.
       ARRAY(
           WITH RECURSIVE former AS (
               SELECT merged.recipient_id
               FROM recipients AS merged
               WHERE merged.tenant_id = $1 AND merged.merged_into = ward.recipient_id
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
JOIN guardians AS link ON link.tenant_id = $1 AND link.guardian_id = point.recipient_id
JOIN recipients AS ward ON ward.tenant_id = $1 AND ward.recipient_id = link.recipient_id
-- A merge gives the surviving record links of its own; those of the record that is gone are what they were.
WHERE ward.merged_into IS NULL
ORDER BY wanted.place, link.guardian_id, ward.recipient_id
