-- Adds contact points.
INSERT INTO contact_points
    (tenant_id, contact_point_id, recipient_id, channel, address_hash, voice_hash, address_sealed, verified_at, rank, is_active)
SELECT $1, one.*
FROM unnest($2::uuid[], $3::uuid[], $4::smallint[], $5::bytea[], $6::bytea[], $7::bytea[], $8::timestamptz[], $9::smallint[], $10::boolean[])
    AS one (contact_point_id, recipient_id, channel, address_hash, voice_hash, address_sealed, verified_at, rank, is_active)
