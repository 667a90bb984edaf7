-- Several rows may hold a claim: an address that people share, and what a row held that never became a message.
ALTER TABLE bulk_send_claims
    DROP CONSTRAINT bulk_send_claims_pkey,
    ADD PRIMARY KEY (tenant_id, bulk_send_id, claim_hash, row_no);
