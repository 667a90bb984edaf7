-- What a tenant's transaction sees of its own and of others, without saying whose rows it wants.
SELECT 'tenants', count(*) FILTER (WHERE is_mine), count(*) FILTER (WHERE NOT is_mine)
FROM (SELECT tenant_id = current_setting('carepost.tenant_id')::uuid AS is_mine FROM tenants) AS seen
UNION ALL
SELECT 'api_keys', count(*) FILTER (WHERE is_mine), count(*) FILTER (WHERE NOT is_mine)
FROM (SELECT tenant_id = current_setting('carepost.tenant_id')::uuid AS is_mine FROM api_keys) AS seen
UNION ALL
SELECT 'provider_accounts', count(*) FILTER (WHERE is_mine), count(*) FILTER (WHERE NOT is_mine)
FROM (SELECT tenant_id = current_setting('carepost.tenant_id')::uuid AS is_mine FROM provider_accounts) AS seen
UNION ALL
SELECT 'audit_events', count(*) FILTER (WHERE is_mine), count(*) FILTER (WHERE NOT is_mine)
FROM (SELECT tenant_id = current_setting('carepost.tenant_id')::uuid AS is_mine FROM audit_events) AS seen
