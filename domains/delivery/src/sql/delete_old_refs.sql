-- Forgets providers' ids of messages whose partitions are gone, a bounded number at a time. Leans on provider_refs_age.
DELETE FROM provider_refs
WHERE ctid = ANY (ARRAY(SELECT ctid FROM provider_refs WHERE message_id < first_message_id($1) LIMIT $2))
