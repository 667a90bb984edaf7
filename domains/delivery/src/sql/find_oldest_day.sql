-- The lowest id of the oldest day that is kept: nothing in the history is older. Leans on the catalogue's pg_inherits_parent_index.
SELECT first_message_id(min(to_date(right(child.relname, 8), 'YYYYMMDD'))::timestamp AT TIME ZONE 'UTC') AS first_id
FROM pg_inherits
JOIN pg_class AS child ON child.oid = inhrelid
WHERE inhparent = 'delivery_events'::regclass
