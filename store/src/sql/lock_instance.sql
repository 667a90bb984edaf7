-- Shows an instance as alive for as long as this connection lives. No index. The number is this lock's name space;
-- claim_leases.sql computes the same key.
SELECT pg_advisory_lock_shared(hashtextextended($1::uuid::text, 7310293))
