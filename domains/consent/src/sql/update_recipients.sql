-- Changes records of people. Leans on the primary key.
UPDATE recipients AS person
SET external_id_hash = one.external_id_hash, profile_sealed = one.profile_sealed, kind = one.kind, language = one.language,
    zone = one.zone, state = one.state, is_active = one.is_active, version = person.version + 1, updated_at = $10
FROM unnest($2::uuid[], $3::bytea[], $4::bytea[], $5::smallint[], $6::text[], $7::text[], $8::text[], $9::boolean[])
    AS one (recipient_id, external_id_hash, profile_sealed, kind, language, zone, state, is_active)
WHERE person.tenant_id = $1 AND person.recipient_id = one.recipient_id
