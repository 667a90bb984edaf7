-- What left for each of many addresses lately, the oldest first; where one person alone reads there, for all other addresses of that person as well. Leans on contact_points_address, contact_points_voice, contact_points_once and the primary keys of recipients and contact_sends.
SELECT place, message_id, at, purpose, is_exempt, is_here
FROM (
    -- A shared number may have had thousands: of each kind that rules count, the newest.
    SELECT once.*,
           row_number() OVER (PARTITION BY once.place, once.purpose, once.is_exempt
                              ORDER BY once.at DESC, once.message_id DESC) AS newest
    FROM (
        -- A message that left on several channels is one message to its reader.
        SELECT wanted.place, sent.message_id, max(sent.at) AS at, min(sent.purpose) AS purpose,
               bool_or(sent.is_exempt) AS is_exempt, bool_or(home.is_here) AS is_here
        FROM unnest($2::smallint[], $3::bytea[]) WITH ORDINALITY AS wanted (channel, address_hash, place)
        CROSS JOIN LATERAL (
            SELECT wanted.channel, wanted.address_hash, true AS is_here
            UNION ALL
            SELECT other.channel, other.address_hash, false
            FROM (
                SELECT (array_agg(DISTINCT person.recipient_id))[1] AS recipient_id
                FROM (
                    SELECT point.recipient_id
                    FROM contact_points AS point
                    WHERE point.tenant_id = $1 AND point.address_hash = wanted.address_hash
                      AND point.channel = wanted.channel AND point.is_active
                    UNION ALL
                    -- A phone is called by another hash of its number: carepost_kernel::Channel::Voice.
                    SELECT point.recipient_id
                    FROM contact_points AS point
                    WHERE wanted.channel = 5 AND point.tenant_id = $1 AND point.voice_hash = wanted.address_hash
                      AND point.is_active
                ) AS point
                JOIN recipients AS person ON person.tenant_id = $1 AND person.recipient_id = point.recipient_id
                WHERE person.is_active AND person.merged_into IS NULL
                HAVING count(DISTINCT person.recipient_id) = 1
            ) AS reader
            CROSS JOIN LATERAL (
                SELECT point.channel, point.address_hash
                FROM contact_points AS point
                WHERE point.tenant_id = $1 AND point.recipient_id = reader.recipient_id AND point.is_active
                UNION ALL
                -- carepost_kernel::Channel::Voice, as above.
                SELECT 5::smallint, point.voice_hash
                FROM contact_points AS point
                WHERE point.tenant_id = $1 AND point.recipient_id = reader.recipient_id AND point.is_active
                  AND point.voice_hash IS NOT NULL
            ) AS other
            WHERE (other.channel, other.address_hash) <> (wanted.channel, wanted.address_hash)
        ) AS home
        JOIN contact_sends AS sent
          ON sent.tenant_id = $1 AND sent.address_hash = home.address_hash AND sent.channel = home.channel
        WHERE sent.at >= $4
        GROUP BY wanted.place, sent.message_id
    ) AS once
) AS ranked
WHERE newest <= $5
ORDER BY place, at, message_id
