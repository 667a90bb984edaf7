-- How many blocks a table has. Leans on nothing: the size of its file.
SELECT pg_relation_size($1::text::regclass) / current_setting('block_size')::bigint AS blocks
