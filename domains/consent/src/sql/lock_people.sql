-- One writer at a time for a tenant's people, until this transaction ends; what is said of addresses is not held up. Leans on nothing.
SELECT pg_advisory_xact_lock(hashtextextended($1::uuid::text, 7310301))
