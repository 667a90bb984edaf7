-- What was lifted, and when: a copy of older news does not bring it back.
CREATE INDEX suppressions_lifted ON suppressions (tenant_id, address_hash, channel, reason, lifted_at)
    WHERE lifted_at IS NOT NULL;
