-- Short links name their tenant by the last six bytes of its id (carepost_tenancy::LinkTag): they are found by them.
-- Not unique, and need not be: a link of one of two such tenants is looked for in both.
CREATE INDEX tenants_link_tag ON tenants (substring(uuid_send(tenant_id) FROM 11 FOR 6));
