-- Who and what this session is.
SELECT current_user::text AS role_name, current_schema()::text AS schema_name, current_setting('carepost.tenant_id', true) AS tenant,
       current_setting('TimeZone') AS zone, pg_backend_pid() AS pid
