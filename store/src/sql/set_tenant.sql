-- Names the tenant for the rest of this transaction; row-level security reads it. No index.
SELECT set_config('carepost.tenant_id', $1::text, true)
