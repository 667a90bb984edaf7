-- How many locks on tables and indexes the server has room for, over all its sessions. No index.
SELECT current_setting('max_locks_per_transaction')::bigint
       * (current_setting('max_connections')::bigint + current_setting('max_prepared_transactions')::bigint) AS slots
