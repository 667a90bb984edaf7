-- One process at a time migrates this database; freed when the connection closes. No index.
SELECT pg_advisory_lock(7310281)
