-- A transaction that has read once and does no more: vacuum may take nothing that was there then.
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT count(*) FROM tenant_leases
