-- One link that still leads somewhere, or one pixel, with the delivery that it came by. Leans on links_pkey, deliveries_pkey.
SELECT link.link_id, link.message_id, link.channel, link.target_sealed,
       delivery.attempt_no, delivery.provider_account_id
FROM links AS link
LEFT JOIN deliveries AS delivery
    ON delivery.tenant_id = link.tenant_id AND delivery.message_id = link.message_id
    AND delivery.channel = link.channel
WHERE link.tenant_id = $1 AND link.token_hash = $2 AND link.expires_at > $3
