-- The plans of the looks of load_facts, as the engine's sessions make them; the test prepares them before.
EXPLAIN (COSTS OFF) EXECUTE people('$tenant', '{1}', '{"\\x00"}');
EXPLAIN (COSTS OFF) EXECUTE wards('$tenant', '{1}', '{"\\x00"}');
EXPLAIN (COSTS OFF) EXECUTE states('$tenant', '{1}', '{"\\x00"}');
EXPLAIN (COSTS OFF) EXECUTE suppressions('$tenant', '{1}', '{"\\x00"}', '2026-11-22T12:00:00Z');
EXPLAIN (COSTS OFF) EXECUTE sends('$tenant', '{1}', '{"\\x00"}', '2026-11-22T12:00:00Z', 1000)
