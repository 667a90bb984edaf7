-- How each delivery of some tenants stands, with what its message is for. Leans on deliveries_pkey and messages_pkey.
SELECT held.message_id, held.state, held.is_open, held.attempt_no, messages.purpose
FROM deliveries AS held JOIN messages USING (tenant_id, message_id)
WHERE held.tenant_id = ANY($1::uuid[])
