-- As a tenant's transaction.
SET ROLE carepost_app;
SET carepost.tenant_id = '00000000-0000-0000-0000-00000000000a'
