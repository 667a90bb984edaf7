-- How much is read by the statement that was prepared as `looked_at`.
EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) EXECUTE looked_at('2026-11-22T12:00Z')
