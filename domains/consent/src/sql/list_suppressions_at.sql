-- What keeps each of many addresses from getting anything now. Leans on suppressions_live, which holds all of it.
SELECT wanted.place, live.reason, live.since, live.until
FROM unnest($2::smallint[], $3::bytea[]) WITH ORDINALITY AS wanted (channel, address_hash, place)
JOIN suppressions AS live
  ON live.tenant_id = $1 AND live.address_hash = wanted.address_hash AND live.channel = wanted.channel
WHERE live.lifted_at IS NULL
  AND (live.until IS NULL OR live.until > $4)
ORDER BY wanted.place, live.reason
