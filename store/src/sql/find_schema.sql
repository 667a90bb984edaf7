-- Whether a schema is there. Indexes: the catalogue's.
SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1::text) AS is_there
