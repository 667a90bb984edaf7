-- Shuts claims of this schema out until this transaction ends; other writers may go on. No index.
SELECT pg_advisory_xact_lock_shared(hashtextextended(current_schema()::text, 7310291))
