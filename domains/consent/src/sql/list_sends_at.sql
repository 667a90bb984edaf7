-- What left for each of many addresses lately, the oldest first. Leans on the primary key of contact_sends, which holds all of it.
SELECT wanted.place, sent.message_id, sent.at, sent.purpose, sent.is_exempt
FROM unnest($2::smallint[], $3::bytea[]) WITH ORDINALITY AS wanted (channel, address_hash, place)
JOIN contact_sends AS sent
  ON sent.tenant_id = $1 AND sent.address_hash = wanted.address_hash AND sent.channel = wanted.channel
WHERE sent.at >= $4
ORDER BY wanted.place, sent.at, sent.message_id
