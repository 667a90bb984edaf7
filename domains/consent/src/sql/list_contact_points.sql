-- Where people are reached, in the order of preference. Leans on contact_points_once.
SELECT contact_point_id, recipient_id, channel, address_hash, voice_hash, address_sealed, verified_at, rank, is_active
FROM contact_points
WHERE tenant_id = $1 AND recipient_id = ANY ($2)
ORDER BY recipient_id, rank, contact_point_id
