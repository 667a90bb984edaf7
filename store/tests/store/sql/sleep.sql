-- Takes a while.
SELECT pg_sleep(20)
