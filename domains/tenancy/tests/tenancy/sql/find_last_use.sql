-- When a key was last used.
SELECT last_used_at FROM api_keys WHERE api_key_id = $1
