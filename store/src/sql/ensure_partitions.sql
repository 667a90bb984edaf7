-- Makes missing partitions (a function of the placement's migrations). Indexes: the catalogue's.
SELECT ensure_partitions($1::date, $2::integer) AS made
