-- Short first-party links and the moments at which they were followed.

CREATE TABLE links (
    tenant_id       uuid NOT NULL,
    -- Keyed hash of the token: a dump of this table opens no link.
    token_hash      bytea NOT NULL,
    link_id         uuid NOT NULL,
    message_id      uuid NOT NULL,
    -- carepost_kernel::Channel.
    channel         smallint NOT NULL,
    -- Keyed hash of the address, the same as in deliveries.
    recipient_hash  bytea NOT NULL,
    -- Where it leads, sealed under the tenant's data key for (tenant, link).
    target_sealed   bytea NOT NULL,
    created_at      timestamptz NOT NULL,
    -- It leads nowhere from here on.
    expires_at      timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, token_hash)
);

-- Each time that a person followed a link: the moment, and nothing else of it.
CREATE TABLE link_clicks (
    tenant_id  uuid NOT NULL,
    link_id    uuid NOT NULL,
    click_id   uuid NOT NULL,
    at         timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, link_id, click_id)
);

DO $$
DECLARE
    one text;
BEGIN
    FOREACH one IN ARRAY ARRAY['links', 'link_clicks'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', one);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', one);
        EXECUTE format('CREATE POLICY one_tenant ON %I TO carepost_app USING '
                       '(tenant_id = nullif(current_setting(''carepost.tenant_id'', true), '''')::uuid)', one);
        EXECUTE format('CREATE POLICY engine ON %I TO carepost_engine USING (true)', one);
        EXECUTE format('GRANT SELECT, INSERT, DELETE ON %I TO carepost_engine', one);
        EXECUTE format('GRANT SELECT ON %I TO carepost_app', one);
    END LOOP;
END $$;
-- Whoever follows a link does so as its tenant.
GRANT INSERT ON link_clicks TO carepost_app;
