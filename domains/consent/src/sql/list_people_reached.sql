-- Who is reached at an address now. Leans on contact_points_address, contact_points_voice and the primary key.
SELECT person.recipient_id
FROM (
    SELECT point.recipient_id
    FROM contact_points AS point
    WHERE point.tenant_id = $1 AND point.address_hash = $2 AND point.channel = $3 AND point.is_active
    UNION ALL
    -- A phone is called by another hash of its number: carepost_kernel::Channel::Voice.
    SELECT point.recipient_id
    FROM contact_points AS point
    WHERE $3 = 5 AND point.tenant_id = $1 AND point.voice_hash = $2 AND point.is_active
) AS reached
JOIN recipients AS person ON person.tenant_id = $1 AND person.recipient_id = reached.recipient_id
WHERE person.merged_into IS NULL
ORDER BY person.recipient_id
