-- The session's own process, and the oldest transaction whose rows vacuum must leave to it.
SELECT pid, backend_xmin::text AS backend_xmin FROM pg_stat_activity WHERE pid = pg_backend_pid()
