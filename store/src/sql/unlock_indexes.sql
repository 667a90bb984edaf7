-- Lets the next one index days, which the end of a session does only when PostgreSQL has noticed it. No index.
SELECT pg_advisory_unlock(hashtextextended(current_schema()::text, 7310298)) AS was_ours
