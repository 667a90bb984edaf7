-- What the database has done so far: commits, and bytes of its write-ahead log.
SELECT xact_commit AS commits, pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint AS wal_bytes
FROM pg_stat_database WHERE datname = current_database()
