-- People, their contact points, the evidence of their consent, what they wish, and what keeps addresses from getting
-- anything. Addresses are found by keyed hash: `hash(channel, normal form)`, the same as in deliveries.

CREATE TABLE recipients (
    tenant_id         uuid NOT NULL,
    recipient_id      uuid NOT NULL,
    -- Keyed hash of the caller's own id of the person.
    external_id_hash  bytea,
    -- Names, birth date, external id and notes, sealed for (tenant, recipient).
    profile_sealed    bytea NOT NULL,
    -- carepost_consent::RecipientKind: 1 patient, 2 guardian.
    kind              smallint NOT NULL,
    -- Of messages: `en`, `es`.
    language          text NOT NULL,
    -- IANA time zone and state of the United States, where they are known.
    zone              text,
    state             text,
    is_active         boolean NOT NULL,
    -- The same person under another id.
    merged_into       uuid,
    version           bigint NOT NULL,
    created_at        timestamptz NOT NULL,
    updated_at        timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, recipient_id),
    CONSTRAINT recipients_external_id UNIQUE (tenant_id, external_id_hash)
);
CREATE INDEX recipients_merged ON recipients (tenant_id, merged_into) WHERE merged_into IS NOT NULL;

-- Who answers for a patient (decision C59).
CREATE TABLE guardians (
    tenant_id     uuid NOT NULL,
    -- The patient.
    recipient_id  uuid NOT NULL,
    guardian_id   uuid NOT NULL,
    -- carepost_consent::GuardianScope: 1 full, 2 appointments, 3 financial.
    scope         smallint NOT NULL,
    -- The last day.
    ends_on       date,
    PRIMARY KEY (tenant_id, recipient_id, guardian_id)
);
CREATE INDEX guardians_guardian ON guardians (tenant_id, guardian_id);

CREATE TABLE contact_points (
    tenant_id         uuid NOT NULL,
    contact_point_id  uuid NOT NULL,
    recipient_id      uuid NOT NULL,
    -- carepost_kernel::Channel: 1 sms for a phone, 2 email, 3 in_app.
    channel           smallint NOT NULL,
    address_hash      bytea NOT NULL,
    -- The same phone as the channel `voice` knows it.
    voice_hash        bytea,
    -- Sealed for (tenant, contact point).
    address_sealed    bytea NOT NULL,
    verified_at       timestamptz,
    -- The order of preference, the first is 0.
    rank              smallint NOT NULL,
    is_active         boolean NOT NULL,
    PRIMARY KEY (tenant_id, contact_point_id),
    CONSTRAINT contact_points_once UNIQUE (tenant_id, recipient_id, channel, address_hash)
);
-- Who is reached at an address: on the way of every message.
CREATE INDEX contact_points_address ON contact_points (tenant_id, address_hash, channel) INCLUDE (recipient_id)
    WHERE is_active;
-- Searches by people find addresses that are not used any more as well.
CREATE INDEX contact_points_unused ON contact_points (tenant_id, address_hash, channel) INCLUDE (recipient_id)
    WHERE NOT is_active;
CREATE INDEX contact_points_voice ON contact_points (tenant_id, voice_hash) INCLUDE (recipient_id)
    WHERE is_active AND voice_hash IS NOT NULL;

-- Two records of one person joined, and what it would take to part them. Kept when undone.
CREATE TABLE recipient_merges (
    tenant_id    uuid NOT NULL,
    merge_id     uuid NOT NULL,
    -- The record that is gone, and the one that stays.
    merged_id    uuid NOT NULL,
    survivor_id  uuid NOT NULL,
    -- Ids of what was moved or switched off, and the preferences of the survivor as they were.
    moved        jsonb NOT NULL,
    -- carepost_consent::ActorKind.
    actor_kind   smallint NOT NULL,
    actor_id     text NOT NULL,
    at           timestamptz NOT NULL,
    undone_at    timestamptz,
    PRIMARY KEY (tenant_id, merge_id)
);
-- A record is merged once at a time.
CREATE UNIQUE INDEX recipient_merges_open ON recipient_merges (tenant_id, merged_id) WHERE undone_at IS NULL;

-- The evidence of consent. Append-only: no role may update or delete.
CREATE TABLE consent_events (
    tenant_id        uuid NOT NULL,
    event_id         uuid NOT NULL,
    -- Null: of the address, whoever reads there.
    recipient_id     uuid,
    channel          smallint NOT NULL,
    address_hash     bytea NOT NULL,
    -- carepost_kernel::Purpose; null: all of them.
    purpose          smallint,
    -- carepost_consent::ConsentState: 1 granted, 2 granted in writing, 3 revoked.
    state            smallint NOT NULL,
    -- carepost_consent::ConsentSource.
    source           smallint NOT NULL,
    -- The exact words that were shown or written, sealed for (tenant, event).
    wording_sealed   bytea,
    wording_version  text,
    language         text,
    actor_kind       smallint NOT NULL,
    actor_id         text NOT NULL,
    at               timestamptz NOT NULL,
    expires_at       timestamptz,
    -- The message from outside that said so.
    inbound_id       uuid,
    PRIMARY KEY (tenant_id, event_id)
);
CREATE INDEX consent_events_address ON consent_events (tenant_id, address_hash, channel, recipient_id);
CREATE INDEX consent_events_recipient ON consent_events (tenant_id, recipient_id, event_id);

-- Present consent, derived from the evidence and written with it.
CREATE TABLE consent_states (
    tenant_id     uuid NOT NULL,
    address_hash  bytea NOT NULL,
    channel       smallint NOT NULL,
    -- The nil id: of the address, whoever reads there.
    recipient_id  uuid NOT NULL,
    -- 0: all purposes; else carepost_kernel::Purpose.
    purpose       smallint NOT NULL,
    -- carepost_consent::ConsentState.
    state         smallint NOT NULL,
    since         timestamptz NOT NULL,
    expires_at    timestamptz,
    PRIMARY KEY (tenant_id, address_hash, channel, recipient_id, purpose) INCLUDE (state, since, expires_at)
);

-- What keeps an address from getting anything, whoever reads there. Lifted ones stay as history.
CREATE TABLE suppressions (
    tenant_id       uuid NOT NULL,
    suppression_id  uuid NOT NULL,
    channel         smallint NOT NULL,
    address_hash    bytea NOT NULL,
    -- Sealed for (tenant, suppression), where somebody knew it.
    address_sealed  bytea,
    -- carepost_consent::SuppressionReason.
    reason          smallint NOT NULL,
    -- carepost_consent::ConsentSource.
    source          smallint NOT NULL,
    since           timestamptz NOT NULL,
    until           timestamptz,
    lifted_at       timestamptz,
    -- Who took it off and who lifted it: carepost_consent::ActorKind and id.
    actor_kind      smallint NOT NULL,
    actor_id        text NOT NULL,
    lifted_by_kind  smallint,
    lifted_by_id    text,
    PRIMARY KEY (tenant_id, suppression_id)
);
CREATE UNIQUE INDEX suppressions_live ON suppressions (tenant_id, address_hash, channel, reason)
    INCLUDE (since, until) WHERE lifted_at IS NULL;

-- What a recipient wishes: carepost_consent::Preferences.
CREATE TABLE preferences (
    tenant_id     uuid NOT NULL,
    recipient_id  uuid NOT NULL,
    body          jsonb NOT NULL,
    version       bigint NOT NULL,
    updated_at    timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, recipient_id)
);

-- Each state that the preferences ever had. Append-only.
CREATE TABLE preference_events (
    tenant_id     uuid NOT NULL,
    recipient_id  uuid NOT NULL,
    version       bigint NOT NULL,
    body          jsonb NOT NULL,
    source        smallint NOT NULL,
    actor_kind    smallint NOT NULL,
    actor_id      text NOT NULL,
    at            timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, recipient_id, version)
);

-- Terms of messaging that a recipient has accepted. Append-only.
CREATE TABLE consent_terms (
    tenant_id       uuid NOT NULL,
    recipient_id    uuid NOT NULL,
    terms_version   text NOT NULL,
    -- The words of the terms, sealed for (tenant, recipient).
    wording_sealed  bytea,
    language        text,
    source          smallint NOT NULL,
    actor_kind      smallint NOT NULL,
    actor_id        text NOT NULL,
    accepted_at     timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, recipient_id, terms_version)
);

-- The tenant's own rules of the gate: data, with versions. One is active at a time.
CREATE TABLE gate_policies (
    tenant_id     uuid NOT NULL,
    version       bigint NOT NULL,
    -- carepost_consent::GatePolicy.
    body          jsonb NOT NULL,
    -- 1 draft, 2 active, 3 retired.
    state         smallint NOT NULL,
    created_at    timestamptz NOT NULL,
    created_by    text NOT NULL,
    activates_at  timestamptz,
    PRIMARY KEY (tenant_id, version)
);
CREATE UNIQUE INDEX gate_policies_active ON gate_policies (tenant_id) WHERE state = 2;

-- What changed for the gate, so that every process throws away what it knew. Kept for some minutes.
CREATE TABLE consent_changes (
    tenant_id     uuid NOT NULL,
    change_id     uuid NOT NULL,
    -- Both null: anything of the tenant.
    channel       smallint,
    address_hash  bytea,
    -- carepost_consent::ChangeKind.
    what          smallint NOT NULL,
    at            timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, change_id)
);
-- Read by time, over all tenants.
CREATE INDEX consent_changes_at ON consent_changes (at);

-- Messages that left for an address, for caps. Kept for some days.
CREATE TABLE contact_sends (
    tenant_id     uuid NOT NULL,
    channel       smallint NOT NULL,
    address_hash  bytea NOT NULL,
    message_id    uuid NOT NULL,
    at            timestamptz NOT NULL,
    -- carepost_kernel::Purpose.
    purpose       smallint NOT NULL,
    -- Counted against the limits of the health-care exemption.
    is_exempt     boolean NOT NULL,
    PRIMARY KEY (tenant_id, address_hash, channel, message_id) INCLUDE (at, purpose, is_exempt)
);
CREATE INDEX contact_sends_at ON contact_sends USING brin (at) WITH (pages_per_range = 16, autosummarize = on);

DO $$
DECLARE
    one text;
BEGIN
    FOREACH one IN ARRAY ARRAY['recipients', 'guardians', 'contact_points', 'recipient_merges', 'consent_events',
                               'consent_states', 'suppressions', 'preferences', 'preference_events', 'consent_terms',
                               'gate_policies', 'consent_changes', 'contact_sends'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', one);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', one);
        EXECUTE format('CREATE POLICY one_tenant ON %I TO carepost_app USING '
                       '(tenant_id = nullif(current_setting(''carepost.tenant_id'', true), '''')::uuid)', one);
        EXECUTE format('CREATE POLICY engine ON %I TO carepost_engine USING (true)', one);
        EXECUTE format('GRANT SELECT, INSERT ON %I TO carepost_app, carepost_engine', one);
    END LOOP;
END $$;
GRANT UPDATE ON recipients, contact_points, suppressions, preferences, gate_policies TO carepost_app, carepost_engine;
GRANT UPDATE (undone_at) ON recipient_merges TO carepost_app;
GRANT UPDATE, DELETE ON guardians, consent_states TO carepost_app, carepost_engine;
GRANT DELETE ON consent_changes, contact_sends TO carepost_engine;
