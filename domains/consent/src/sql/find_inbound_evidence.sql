-- Whether a message from outside has been written down already. Leans on consent_events_address.
SELECT EXISTS (
    SELECT FROM consent_events
    WHERE tenant_id = $1 AND address_hash = $2 AND channel = $3 AND inbound_id = $4
) AS is_known
