-- One process at a time indexes days of this schema, for as long as its session lives. No index.
SELECT pg_try_advisory_lock(hashtextextended(current_schema()::text, 7310298)) AS is_ours
