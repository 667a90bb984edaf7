-- The channels that people want to be tried first, of those who wish for one. Leans on the primary key.
SELECT recipient_id, body ->> 'first_channel' AS first_channel
FROM preferences
WHERE tenant_id = $1
  AND recipient_id = ANY ($2)
  AND body ->> 'first_channel' IS NOT NULL
