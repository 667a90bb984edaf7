-- Ends the present segment of the write-ahead log: the next record wants another one, 16 MB of the disk.
SELECT pg_switch_wal()::text AS ended_at
