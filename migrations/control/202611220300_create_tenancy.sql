-- Tenants, their placements, keys, API keys, provider accounts. One schema for the whole deployment.
-- Roles carepost_app and carepost_engine exist already: the migrator makes them first.

CREATE TABLE placements (
    placement_id  uuid PRIMARY KEY,
    -- pooled: many tenants; schema or database: one tenant.
    kind          text NOT NULL CHECK (kind IN ('pooled', 'schema', 'database')),
    schema_name   text NOT NULL,
    -- Connection string, sealed under the deployment's key; null is the deployment's own database.
    url_sealed    bytea,
    created_at    timestamptz NOT NULL
);
-- A schema belongs to one placement of the deployment's own database.
CREATE UNIQUE INDEX placements_schema ON placements (schema_name) WHERE url_sealed IS NULL;

CREATE TABLE tenants (
    tenant_id     uuid PRIMARY KEY,
    slug          text NOT NULL CONSTRAINT tenants_slug UNIQUE,
    display_name  text NOT NULL,
    placement_id  uuid NOT NULL REFERENCES placements,
    status        text NOT NULL CHECK (status IN ('active', 'paused', 'closed')),
    -- Limits and policies: see carepost_tenancy::TenantSettings.
    settings      jsonb NOT NULL,
    -- Grows by one with each change, so that caches and other processes notice.
    version       bigint NOT NULL,
    created_at    timestamptz NOT NULL,
    updated_at    timestamptz NOT NULL
);
-- Every process asks each second what has changed.
CREATE INDEX tenants_updated ON tenants (updated_at);

CREATE TABLE tenant_keys (
    tenant_id      uuid NOT NULL REFERENCES tenants,
    key_version    smallint NOT NULL,
    -- The data key, sealed under the master key with this id.
    wrapped_key    bytea NOT NULL,
    master_key_id  text NOT NULL,
    created_at     timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, key_version)
);

CREATE TABLE api_keys (
    tenant_id     uuid NOT NULL REFERENCES tenants,
    api_key_id    uuid NOT NULL,
    name          text NOT NULL,
    -- The readable start of the key, for lists; says nothing about the rest.
    prefix        text NOT NULL,
    -- SHA-256 of the whole key: 32 random bytes need no slow hash.
    key_hash      bytea NOT NULL CONSTRAINT api_keys_hash UNIQUE,
    scopes        text[] NOT NULL,
    created_at    timestamptz NOT NULL,
    expires_at    timestamptz,
    revoked_at    timestamptz,
    last_used_at  timestamptz,
    PRIMARY KEY (tenant_id, api_key_id)
);
CREATE INDEX api_keys_created ON api_keys (created_at);
CREATE INDEX api_keys_revoked ON api_keys (revoked_at) WHERE revoked_at IS NOT NULL;

CREATE TABLE provider_accounts (
    tenant_id           uuid NOT NULL REFERENCES tenants,
    provider_account_id uuid NOT NULL,
    name                text NOT NULL,
    channel             smallint NOT NULL,
    vendor              text NOT NULL,
    -- What the vendor needs besides secrets: sender, region, hosts.
    settings            jsonb NOT NULL,
    -- Secrets, sealed under the tenant's data key; null for sandbox accounts and in-app. Never read back by the API.
    credentials_sealed  bytea,
    base_url            text,
    sandbox             boolean NOT NULL,
    -- Lower goes first; among equals the weight shares.
    route_order         smallint NOT NULL,
    route_weight        smallint NOT NULL CHECK (route_weight > 0),
    -- Calls per second; null is no set rate.
    rate_per_second     integer CHECK (rate_per_second > 0),
    max_in_flight       integer NOT NULL CHECK (max_in_flight > 0),
    timeout_ms          integer NOT NULL CHECK (timeout_ms > 0),
    status              text NOT NULL CHECK (status IN ('active', 'paused', 'closed')),
    -- SHA-256 of the opaque token in the webhook address, and the token sealed under the tenant's data key.
    webhook_token_hash  bytea NOT NULL CONSTRAINT provider_accounts_webhook_token UNIQUE,
    webhook_token_sealed bytea NOT NULL,
    version             bigint NOT NULL,
    created_at          timestamptz NOT NULL,
    updated_at          timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, provider_account_id),
    CONSTRAINT provider_accounts_name UNIQUE (tenant_id, name)
);
CREATE INDEX provider_accounts_updated ON provider_accounts (updated_at);

CREATE TABLE webhook_endpoints (
    tenant_id           uuid NOT NULL REFERENCES tenants,
    webhook_endpoint_id uuid NOT NULL,
    url                 text NOT NULL,
    -- The Standard Webhooks secret, sealed under the tenant's data key; shown once at creation.
    secret_sealed       bytea NOT NULL,
    event_types         text[] NOT NULL,
    status              text NOT NULL CHECK (status IN ('active', 'paused', 'failing')),
    -- The last event that the endpoint has taken, in the order of event ids.
    last_event_id       uuid,
    failures            integer NOT NULL,
    next_try_at         timestamptz,
    -- Grows with each change by hand; the engine's own marks (last event, failures, next try) leave it alone.
    version             bigint NOT NULL,
    created_at          timestamptz NOT NULL,
    updated_at          timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, webhook_endpoint_id)
);
CREATE INDEX webhook_endpoints_updated ON webhook_endpoints (updated_at);

-- One row for each change of configuration by hand. Append-only: no role may update or delete.
CREATE TABLE audit_events (
    tenant_id       uuid NOT NULL,
    audit_event_id  uuid NOT NULL,
    at              timestamptz NOT NULL,
    -- cli, api_key, admin, system.
    actor_kind      text NOT NULL,
    actor_id        text NOT NULL,
    action          text NOT NULL,
    subject_kind    text NOT NULL,
    subject_id      text NOT NULL,
    -- What changed: names and values of configuration, never a secret, never PHI.
    detail          jsonb NOT NULL,
    PRIMARY KEY (tenant_id, audit_event_id)
);

DO $$
DECLARE
    one text;
BEGIN
    FOREACH one IN ARRAY ARRAY['tenants', 'tenant_keys', 'api_keys', 'provider_accounts', 'webhook_endpoints',
                               'audit_events'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', one);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', one);
        EXECUTE format('CREATE POLICY one_tenant ON %I TO carepost_app USING '
                       '(tenant_id = nullif(current_setting(''carepost.tenant_id'', true), '''')::uuid)', one);
        EXECUTE format('CREATE POLICY engine ON %I TO carepost_engine USING (true)', one);
    END LOOP;
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO carepost_app, carepost_engine', current_schema());
END $$;

GRANT SELECT, INSERT, UPDATE ON placements, tenants, api_keys, provider_accounts, webhook_endpoints TO carepost_engine;
GRANT SELECT, INSERT ON tenant_keys TO carepost_engine;
GRANT DELETE ON webhook_endpoints TO carepost_engine;
GRANT SELECT, INSERT ON audit_events TO carepost_engine, carepost_app;
GRANT SELECT, UPDATE (display_name, status, settings, version, updated_at) ON tenants TO carepost_app;
GRANT SELECT, INSERT, UPDATE ON api_keys, provider_accounts TO carepost_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON webhook_endpoints TO carepost_app;
