-- How much is read by the statement that was prepared as `looked_at`.
EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) EXECUTE looked_at('1970-01-01T00:00Z', '2026-11-22T12:00Z')
