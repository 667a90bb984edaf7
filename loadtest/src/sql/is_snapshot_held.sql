-- Whether a session still keeps the snapshot that it was seen with.
SELECT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $1 AND backend_xmin::text = $2) AS is_held
