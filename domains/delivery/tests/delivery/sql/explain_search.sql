-- How the statement that was prepared as `searched` finds the first recipient's messages.
EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON)
EXECUTE searched('00000000-0000-0000-0000-00000000000a', 'ffffffff-ffff-ffff-ffff-ffffffffffff', NULL, NULL, NULL, NULL,
                 NULL, 200, '00000000-0000-0000-0000-000000000000', '\xcfcd208495d565ef66e7dff9f98764da')
