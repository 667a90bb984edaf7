-- A statement of this session may take as long as it needs. No index.
SELECT set_config('statement_timeout', '0', false)
