-- Makes records of people.
INSERT INTO recipients
    (tenant_id, recipient_id, external_id_hash, profile_sealed, kind, language, zone, state, is_active, version, created_at, updated_at)
SELECT $1, one.*, 1, $10, $10
FROM unnest($2::uuid[], $3::bytea[], $4::bytea[], $5::smallint[], $6::text[], $7::text[], $8::text[], $9::boolean[])
    AS one (recipient_id, external_id_hash, profile_sealed, kind, language, zone, state, is_active)
