-- store/src/database.rs has the same list.
SET ROLE carepost_engine;
SET enable_seqscan = off;
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SET jit = off;
SET plan_cache_mode = force_generic_plan
