-- People with a contact point of this address, used or not. Leans on contact_points_address, contact_points_unused and the primary key.
SELECT recipient_id, external_id_hash, profile_sealed, kind, language, zone, state, is_active, merged_into, version, created_at, updated_at
FROM recipients
WHERE tenant_id = $1
  AND recipient_id IN (
      SELECT point.recipient_id FROM contact_points AS point
      WHERE point.tenant_id = $1 AND point.address_hash = $2 AND point.channel = $3 AND point.is_active
      UNION ALL
      SELECT point.recipient_id FROM contact_points AS point
      WHERE point.tenant_id = $1 AND point.address_hash = $2 AND point.channel = $3 AND NOT point.is_active
  )
ORDER BY recipient_id DESC
LIMIT 200
