-- Refused to tenants.
SELECT wrapped_key FROM tenant_keys
