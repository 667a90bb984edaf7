-- Shuts all batch writers and claims of this schema out until this transaction ends. No index.
SELECT pg_advisory_xact_lock(hashtextextended(current_schema()::text, 7310291))
