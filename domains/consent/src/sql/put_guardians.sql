-- Adds guardians, or changes their scope and end. Leans on the primary key.
INSERT INTO guardians (tenant_id, recipient_id, guardian_id, scope, ends_on)
SELECT $1, one.*
FROM unnest($2::uuid[], $3::uuid[], $4::smallint[], $5::date[]) AS one (recipient_id, guardian_id, scope, ends_on)
ON CONFLICT (tenant_id, recipient_id, guardian_id) DO UPDATE SET scope = EXCLUDED.scope, ends_on = EXCLUDED.ends_on
