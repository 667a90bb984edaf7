-- The version of the policy under which a send's rows are asked about. Leans on bulk_sends_pkey.
UPDATE bulk_sends SET policy_version = $3 WHERE tenant_id = $1 AND bulk_send_id = $2
