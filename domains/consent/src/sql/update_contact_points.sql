-- Changes contact points: whose they are, whether they are verified and used, and their order. Leans on the primary key.
UPDATE contact_points AS point
SET recipient_id = one.recipient_id, verified_at = one.verified_at, rank = one.rank, is_active = one.is_active
FROM unnest($2::uuid[], $3::uuid[], $4::timestamptz[], $5::smallint[], $6::boolean[])
    AS one (contact_point_id, recipient_id, verified_at, rank, is_active)
WHERE point.tenant_id = $1 AND point.contact_point_id = one.contact_point_id
