-- Drops one day of one table unless deliveries of it are open (a function of the placement's migrations). Indexes: the catalogue's.
SELECT drop_partition($1::text, $2::date) AS open
