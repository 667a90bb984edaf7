-- Bulk sends: one content to a list of recipients, from the upload to the last verdict. They are no partitions: rows go
-- with their send, in steps, once it has ended and is past the retention of messages.

CREATE TABLE bulk_sends (
    tenant_id         uuid NOT NULL,
    bulk_send_id      uuid NOT NULL,
    -- Its name for people, sealed for (tenant, bulk send).
    name_sealed       bytea NOT NULL,
    -- What is said, as it was when it was made, sealed for (tenant, bulk send).
    content_sealed    bytea NOT NULL,
    template_id       uuid,
    template_version  integer,
    -- The key of its type of message.
    message_type      text,
    -- carepost_kernel::Purpose and carepost_kernel::Topic, where they are said.
    purpose           smallint,
    topic             smallint,
    -- carepost_kernel::Channel, in the order of preference.
    channels          smallint[] NOT NULL,
    send_at           timestamptz,
    expires_at        timestamptz,
    per_second        integer,
    -- carepost_campaigns::BulkState: 1 draft, 2 counting, 3 ready, 4 running, 5 paused, 6 cancelling, 7 cancelled, 8 finished.
    state             smallint NOT NULL,
    -- Rows that were stored, and rows that were left out because their recipient was there already.
    row_count         integer NOT NULL,
    duplicate_count   integer NOT NULL,
    -- The highest number of a row: numbers of lines that were left out are gaps.
    last_row_no       integer NOT NULL,
    -- The last row that the count has looked at.
    counted_to        integer NOT NULL,
    -- The version of the gate's policy under which the rows were last asked about.
    policy_version    integer NOT NULL,
    created_by        uuid NOT NULL,
    -- Grows by one with each change by a caller.
    version           bigint NOT NULL,
    created_at        timestamptz NOT NULL,
    updated_at        timestamptz NOT NULL,
    counted_at        timestamptz,
    started_at        timestamptz,
    ended_at          timestamptz,
    PRIMARY KEY (tenant_id, bulk_send_id)
);
-- What the engine has to work on: counting, running, cancelling.
CREATE INDEX bulk_sends_active ON bulk_sends (tenant_id, bulk_send_id) WHERE state IN (2, 4, 6);

CREATE TABLE bulk_send_rows (
    tenant_id        uuid NOT NULL,
    bulk_send_id     uuid NOT NULL,
    row_no           integer NOT NULL,
    -- Keyed hash of the recipient or the address: one row for each.
    target_hash      bytea NOT NULL,
    recipient_id     uuid,
    -- Addresses, language and variables, sealed for (tenant, bulk send, row).
    row_sealed       bytea NOT NULL,
    -- carepost_campaigns::RowState: 1 waiting, 2 held, 3 enqueued, 4 refused, 5 failed, 6 cancelled.
    state            smallint NOT NULL,
    -- When it is looked at: at once, or when the gate lets it go.
    due_at           timestamptz NOT NULL,
    -- carepost_campaigns::RowVerdict, as the gate said last: 1 go, 2 wait, 3 other channel, 4 refuse.
    verdict          smallint,
    verdict_code     text,
    -- carepost_kernel::Channel: the one that it takes.
    verdict_channel  smallint,
    -- What the gate said of each channel: names and codes.
    verdicts         jsonb,
    message_id       uuid,
    -- Why it failed: a code, and the name of a variable or field.
    error            text,
    PRIMARY KEY (tenant_id, bulk_send_id, row_no),
    CONSTRAINT bulk_send_rows_once UNIQUE (tenant_id, bulk_send_id, target_hash)
) WITH (fillfactor = 80);
CREATE INDEX bulk_send_rows_due ON bulk_send_rows (tenant_id, bulk_send_id, due_at, row_no) WHERE state IN (1, 2);

-- Uploads with an idempotency key: the same again is answered with what came of it.
CREATE TABLE bulk_send_uploads (
    tenant_id     uuid NOT NULL,
    bulk_send_id  uuid NOT NULL,
    -- Keyed hashes of the caller's key and of the body.
    key_hash      bytea NOT NULL,
    fingerprint   bytea NOT NULL,
    -- Counts, line numbers, names of fields and reasons.
    report        jsonb NOT NULL,
    at            timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, bulk_send_id, key_hash)
);

DO $$
DECLARE
    one text;
BEGIN
    FOREACH one IN ARRAY ARRAY['bulk_sends', 'bulk_send_rows', 'bulk_send_uploads'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', one);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', one);
        EXECUTE format('CREATE POLICY one_tenant ON %I TO carepost_app USING '
                       '(tenant_id = nullif(current_setting(''carepost.tenant_id'', true), '''')::uuid)', one);
        EXECUTE format('CREATE POLICY engine ON %I TO carepost_engine USING (true)', one);
        EXECUTE format('GRANT SELECT, INSERT ON %I TO carepost_app, carepost_engine', one);
        EXECUTE format('GRANT DELETE ON %I TO carepost_engine', one);
    END LOOP;
END $$;
GRANT UPDATE ON bulk_sends TO carepost_app, carepost_engine;
GRANT UPDATE ON bulk_send_rows TO carepost_engine;
