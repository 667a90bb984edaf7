-- One process at a time makes or drops partitions of this schema. No index.
SELECT pg_advisory_xact_lock(hashtextextended(current_schema()::text, 7310297))
