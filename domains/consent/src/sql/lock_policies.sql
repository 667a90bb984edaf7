-- One writer of a tenant's policies at a time, until its transaction ends: versions follow each other. Leans on no table.
SELECT pg_advisory_xact_lock(hashtextextended(concat('gate_policies ', $1::uuid), 4106211))
