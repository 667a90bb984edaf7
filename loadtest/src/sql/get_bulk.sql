-- What the placement's tables hold: dead rows by the statistics, bytes on disk of tables and of their indexes.
SELECT coalesce(sum(n_dead_tup), 0)::bigint AS dead_rows,
       coalesce(sum(pg_table_size(relid)), 0)::bigint AS table_bytes,
       coalesce(sum(pg_indexes_size(relid)), 0)::bigint AS index_bytes
FROM pg_stat_user_tables WHERE schemaname = $1
