-- Drops partitions of days before one (a function of the placement's migrations). Indexes: the catalogue's.
SELECT name FROM drop_partitions_before($1::date) AS name
