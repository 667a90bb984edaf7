-- Whether a person is known and active, and where that one is reached, in the order of preference. Leans on recipients_pkey, contact_points_once.
SELECT point.channel, point.address_hash
FROM recipients AS person
LEFT JOIN contact_points AS point
  ON point.tenant_id = $1 AND point.recipient_id = person.recipient_id AND point.is_active
WHERE person.tenant_id = $1 AND person.recipient_id = $2 AND person.is_active AND person.merged_into IS NULL
ORDER BY point.rank, point.contact_point_id
