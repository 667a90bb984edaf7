-- Asks the disk for 64 MiB and gives them back at once: more than the write-ahead log could free meanwhile.
CREATE TEMPORARY TABLE filler ON COMMIT DROP AS SELECT repeat('x', 1000) AS filler FROM generate_series(1, 60000)
