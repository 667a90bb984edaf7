-- The instance that holds a tenant's lease and is alive. Indexes: primary keys of tenant_leases and instances.
SELECT held.owner_id AS instance_id, instances.address, instances.is_leaving
FROM tenant_leases AS held
JOIN instances ON instances.instance_id = held.owner_id
WHERE held.tenant_id = $1::uuid
  AND held.expires_at > $2::timestamptz
  AND EXISTS (
      SELECT FROM pg_locks
      WHERE locktype = 'advisory' AND objsubid = 1 AND granted
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND ((classid::bigint << 32) | objid::bigint) = hashtextextended(held.owner_id::text, 7310293)
  )
