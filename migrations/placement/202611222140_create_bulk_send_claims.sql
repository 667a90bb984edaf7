-- Whom and which addresses a bulk send has reached already: each once, also where two records become one while it runs.
CREATE TABLE bulk_send_claims (
    tenant_id     uuid NOT NULL,
    bulk_send_id  uuid NOT NULL,
    -- Keyed hash of a recipient, or of an address on a channel.
    claim_hash    bytea NOT NULL,
    -- The row that goes there.
    row_no        integer NOT NULL,
    -- That row names somebody who is kept here.
    names_person  boolean NOT NULL,
    PRIMARY KEY (tenant_id, bulk_send_id, claim_hash)
);
ALTER TABLE bulk_send_claims ENABLE ROW LEVEL SECURITY;
ALTER TABLE bulk_send_claims FORCE ROW LEVEL SECURITY;
CREATE POLICY one_tenant ON bulk_send_claims TO carepost_app USING
    (tenant_id = nullif(current_setting('carepost.tenant_id', true), '')::uuid);
CREATE POLICY engine ON bulk_send_claims TO carepost_engine USING (true);
GRANT SELECT ON bulk_send_claims TO carepost_app;
GRANT SELECT, INSERT, DELETE ON bulk_send_claims TO carepost_engine;
