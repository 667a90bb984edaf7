-- Messages, their deliveries and their history. One set of tables for each placement.
-- All three are partitioned by day of the message id (a UUIDv7): a message's rows are born and dropped together.

CREATE TABLE messages (
    tenant_id       uuid NOT NULL,
    message_id      uuid NOT NULL,
    created_at      timestamptz NOT NULL,
    purpose         smallint NOT NULL,
    priority        smallint NOT NULL,
    -- 1 fallback: one channel after the other; 2 all channels at once.
    strategy        smallint NOT NULL,
    -- The plan: one byte for each channel (its number), in the order of preference.
    channels        bytea NOT NULL,
    scheduled_at    timestamptz,
    expires_at      timestamptz NOT NULL,
    -- Recipient, content and the caller's own metadata, sealed under the tenant's data key for (tenant, message).
    payload_sealed  bytea NOT NULL,
    -- The API key that brought it.
    api_key_id      uuid,
    PRIMARY KEY (tenant_id, message_id)
) PARTITION BY RANGE (message_id);
-- Ciphertext does not compress.
ALTER TABLE messages ALTER payload_sealed SET STORAGE EXTERNAL;

-- The present state of one message on one channel. Updated in place by primary key; never polled on the hot path.
CREATE TABLE deliveries (
    tenant_id            uuid NOT NULL,
    message_id           uuid NOT NULL,
    channel              smallint NOT NULL,
    -- carepost_delivery::DeliveryState: its number is its rank in the lattice (DEL-6).
    state                smallint NOT NULL,
    -- carepost_kernel::WaitReason: why it waits (DEL-3); null once it is finished.
    reason               smallint,
    -- When it is looked at again.
    due_at               timestamptz NOT NULL,
    -- False once nothing more will be done for it.
    is_open              boolean NOT NULL,
    -- True once it has failed for good. A column of its own, so that an update of `state` alone touches no index.
    is_failed            boolean NOT NULL DEFAULT false,
    -- Calls made so far, and those of them that count as failed tries.
    attempt_no           smallint NOT NULL,
    failures             smallint NOT NULL,
    provider_account_id  uuid,
    -- Stable code of the last failure or refusal.
    code                 text,
    -- Keyed hash of the address, for look-ups.
    recipient_hash       bytea NOT NULL,
    -- carepost_kernel::Priority, as in messages: here for the order of what waits.
    priority             smallint NOT NULL,
    -- Parts of a text message, at enqueue.
    segments             smallint,
    -- When the provider took it, and when the final state came.
    sent_at              timestamptz,
    finished_at          timestamptz,
    PRIMARY KEY (tenant_id, message_id, channel)
) PARTITION BY RANGE (message_id);

-- The history: append-only.
CREATE TABLE delivery_events (
    tenant_id            uuid NOT NULL,
    message_id           uuid NOT NULL,
    event_id             uuid NOT NULL,
    channel              smallint NOT NULL,
    -- carepost_delivery::EventKind.
    kind                 smallint NOT NULL,
    at                   timestamptz NOT NULL,
    attempt_no           smallint NOT NULL,
    -- State after the event, where it changed one.
    state                smallint,
    reason               smallint,
    -- End of a wait.
    until                timestamptz,
    -- carepost_kernel::FailureClass.
    failure_class        smallint,
    code                 text,
    provider_account_id  uuid,
    -- carepost_kernel::ReceiptStatus.
    receipt_status       smallint,
    -- Equal for two copies of one receipt: the second is not stored.
    receipt_key          bytea,
    -- Milliseconds by reason that the delivery spent in memory before this event (DEL-3).
    waits                jsonb,
    PRIMARY KEY (tenant_id, message_id, event_id)
) PARTITION BY RANGE (message_id);

-- What waits, and since when: pages of due work, the urgent first. Small: finished rows leave it.
CREATE INDEX deliveries_due ON deliveries (tenant_id, channel, priority, due_at, message_id) WHERE is_open;
-- Failed ones, for lists and redrive.
CREATE INDEX deliveries_failed ON deliveries (tenant_id, message_id) WHERE is_failed;
-- The stream of events is read by id: event ids grow with time, so a block range index does. What is not summarized is
-- read whole, so each range is as soon as the next one begins.
CREATE INDEX delivery_events_stream ON delivery_events USING brin (event_id)
    WITH (pages_per_range = 16, autosummarize = on);

-- DEL-2: one key, one message. Commits with the message; outlives its partition by no more than the window.
CREATE TABLE idempotency_keys (
    tenant_id    uuid NOT NULL,
    -- Keyed hash of the caller's key.
    key_hash     bytea NOT NULL,
    -- Keyed hash of the body.
    fingerprint  bytea NOT NULL,
    message_id   uuid NOT NULL,
    expires_at   timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, key_hash)
);

-- From a provider's own id to the attempt.
CREATE TABLE provider_refs (
    tenant_id            uuid NOT NULL,
    provider_account_id  uuid NOT NULL,
    provider_ref         text NOT NULL,
    message_id           uuid NOT NULL,
    channel              smallint NOT NULL,
    attempt_no           smallint NOT NULL,
    PRIMARY KEY (tenant_id, provider_account_id, provider_ref)
);

-- Receipts that came before the send answer or for nothing that we know (DEL-6): kept, matched later.
CREATE TABLE parked_receipts (
    tenant_id            uuid NOT NULL,
    provider_account_id  uuid NOT NULL,
    provider_ref         text NOT NULL,
    receipt_key          bytea NOT NULL,
    receipt_status       smallint NOT NULL,
    failure_class        smallint,
    code                 text,
    occurred_at          timestamptz,
    received_at          timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, provider_account_id, provider_ref, receipt_key)
);
-- The latest are matched again.
CREATE INDEX parked_receipts_age ON parked_receipts (received_at);

-- Messages from outside.
CREATE TABLE inbound_messages (
    tenant_id            uuid NOT NULL,
    inbound_id           uuid NOT NULL,
    provider_account_id  uuid NOT NULL,
    provider_ref         text NOT NULL,
    channel              smallint NOT NULL,
    received_at          timestamptz NOT NULL,
    -- Keyed hash of the writer's address, the same as in deliveries.
    sender_hash          bytea NOT NULL,
    keyword              text,
    -- Addresses, texts and media, sealed for (tenant, inbound id).
    payload_sealed       bytea NOT NULL,
    PRIMARY KEY (tenant_id, inbound_id),
    CONSTRAINT inbound_messages_ref UNIQUE (tenant_id, provider_account_id, provider_ref)
);
CREATE INDEX inbound_messages_sender ON inbound_messages (tenant_id, sender_hash, inbound_id);

-- The recipients' own inboxes.
CREATE TABLE in_app_messages (
    tenant_id       uuid NOT NULL,
    message_id      uuid NOT NULL,
    recipient_hash  bytea NOT NULL,
    delivered_at    timestamptz NOT NULL,
    read_at         timestamptz,
    -- Title and body, sealed for (tenant, message).
    payload_sealed  bytea NOT NULL,
    PRIMARY KEY (tenant_id, message_id)
);
CREATE INDEX in_app_messages_recipient ON in_app_messages (tenant_id, recipient_hash, message_id);

-- DEL-10: who owns a tenant's live state. The epoch grows with each change of owner.
CREATE TABLE tenant_leases (
    tenant_id   uuid PRIMARY KEY,
    owner_id    uuid NOT NULL,
    epoch       bigint NOT NULL,
    expires_at  timestamptz NOT NULL
) WITH (fillfactor = 50);

-- The lowest message id of an instant: 48 bits of milliseconds, the rest zero (RFC 9562, UUIDv7).
CREATE FUNCTION first_message_id(instant timestamptz) RETURNS uuid
LANGUAGE sql IMMUTABLE STRICT AS $$
    SELECT (lpad(to_hex((extract(epoch FROM instant) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid
$$;

-- Run as their owner: the engine's role may ask for partitions and has no right to change tables.
-- Makes the partitions of `days` days from `from_day` on; returns how many were new.
CREATE FUNCTION ensure_partitions(from_day date, days integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    parent text;
    one_day date;
    child text;
    made integer := 0;
BEGIN
    FOREACH parent IN ARRAY ARRAY['messages', 'deliveries', 'delivery_events'] LOOP
        FOR offset_days IN 0 .. days - 1 LOOP
            one_day := from_day + offset_days;
            child := parent || '_' || to_char(one_day, 'YYYYMMDD');
            CONTINUE WHEN to_regclass(format('%I.%I', current_schema(), child)) IS NOT NULL;
            EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)', child, parent,
                           first_message_id(one_day::timestamp AT TIME ZONE 'UTC'),
                           first_message_id((one_day + 1)::timestamp AT TIME ZONE 'UTC'));
            EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', child);
            EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', child);
            IF parent = 'deliveries' THEN
                -- Room for updates on the same page.
                EXECUTE format('ALTER TABLE %I SET (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05)', child);
            END IF;
            made := made + 1;
        END LOOP;
    END LOOP;
    RETURN made;
END $$;

-- Drops the partition of one day of one table, unless deliveries of that day are open: then it stays, and their number
-- is returned. Deliveries go first: without their rows nothing of the day can be opened any more.
CREATE FUNCTION drop_partition(parent text, one_day date) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT SET lock_timeout = '5s' AS $$
DECLARE
    first_id uuid := first_message_id(one_day::timestamp AT TIME ZONE 'UTC');
    end_id uuid := first_message_id((one_day + 1)::timestamp AT TIME ZONE 'UTC');
    open_count bigint;
BEGIN
    IF parent NOT IN ('messages', 'deliveries', 'delivery_events') THEN
        RAISE 'drop partition: unknown table';
    END IF;
    -- Without the engine's rights row-level security shows an empty table, and what waits would be lost unsent.
    IF NOT pg_has_role(current_user, 'carepost_engine', 'USAGE') THEN
        RAISE 'drop partition: the owner of the tables has not the rights of carepost_engine';
    END IF;
    SELECT count(*) INTO open_count FROM deliveries WHERE is_open AND message_id >= first_id AND message_id < end_id;
    IF open_count = 0 THEN
        EXECUTE format('LOCK TABLE ONLY %I IN ACCESS EXCLUSIVE MODE', parent);
        -- Once more, now that nobody can put a delivery back to work.
        SELECT count(*) INTO open_count FROM deliveries
        WHERE is_open AND message_id >= first_id AND message_id < end_id;
    END IF;
    IF open_count = 0 THEN
        EXECUTE format('DROP TABLE IF EXISTS %I', parent || '_' || to_char(one_day, 'YYYYMMDD'));
    END IF;
    RETURN open_count;
END $$;

DO $$
DECLARE
    one text;
BEGIN
    FOREACH one IN ARRAY ARRAY['messages', 'deliveries', 'delivery_events', 'idempotency_keys', 'provider_refs',
                               'parked_receipts', 'inbound_messages', 'in_app_messages', 'tenant_leases'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', one);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', one);
        EXECUTE format('CREATE POLICY one_tenant ON %I TO carepost_app USING '
                       '(tenant_id = nullif(current_setting(''carepost.tenant_id'', true), '''')::uuid)', one);
        EXECUTE format('CREATE POLICY engine ON %I TO carepost_engine USING (true)', one);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE ON %I TO carepost_engine', one);
        EXECUTE format('GRANT SELECT ON %I TO carepost_app', one);
    END LOOP;
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO carepost_app, carepost_engine', current_schema());
END $$;
GRANT DELETE ON idempotency_keys, provider_refs, parked_receipts, inbound_messages, in_app_messages, tenant_leases
    TO carepost_engine;
GRANT UPDATE (read_at) ON in_app_messages TO carepost_app;
REVOKE ALL ON FUNCTION ensure_partitions(date, integer), drop_partition(text, date) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ensure_partitions(date, integer), drop_partition(text, date) TO carepost_engine;
