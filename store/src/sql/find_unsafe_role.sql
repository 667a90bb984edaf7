-- A role of ours that row-level security does not bind. Indexes: the catalogue's.
SELECT rolname::text AS role_name
FROM pg_roles
WHERE rolname IN ('carepost_app', 'carepost_engine') AND (rolsuper OR rolbypassrls)
LIMIT 1
