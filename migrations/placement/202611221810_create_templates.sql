-- Templates of practices, their versions and what was done with them. The library is a part of the program: it has no rows
-- until a practice changes a template of it. Texts are configuration; nothing of a patient stands in them.

CREATE TABLE templates (
    tenant_id          uuid NOT NULL,
    template_id        uuid NOT NULL,
    name               text NOT NULL,
    category           text NOT NULL,
    -- Key of the type of message.
    type_key           text,
    -- carepost_kernel::Purpose.
    purpose            smallint NOT NULL,
    -- carepost_kernel::Topic.
    topic              smallint NOT NULL,
    is_shared          boolean NOT NULL,
    -- What a composer finds it by: a canned response.
    shortcut           text,
    -- The library's template that this is a copy of; the copy has its id.
    library_key        text,
    created_by         uuid NOT NULL,
    created_at         timestamptz NOT NULL,
    updated_at         timestamptz NOT NULL,
    latest_version     integer NOT NULL,
    -- The version that is sent.
    published_version  integer,
    archived_at        timestamptz,
    PRIMARY KEY (tenant_id, template_id)
);
CREATE UNIQUE INDEX templates_shortcut ON templates (tenant_id, shortcut)
    WHERE shortcut IS NOT NULL AND archived_at IS NULL;

-- Never changed once they are there, but for the time of publishing.
CREATE TABLE template_versions (
    tenant_id      uuid NOT NULL,
    template_id    uuid NOT NULL,
    version        integer NOT NULL,
    -- carepost_templates::TemplateContent.
    content        jsonb NOT NULL,
    created_by     uuid NOT NULL,
    created_at     timestamptz NOT NULL,
    restored_from  integer,
    published_at   timestamptz,
    PRIMARY KEY (tenant_id, template_id, version)
);

-- The history: append-only.
CREATE TABLE template_events (
    tenant_id    uuid NOT NULL,
    template_id  uuid NOT NULL,
    event_id     uuid NOT NULL,
    -- carepost_templates::TemplateAction, by name.
    action       text NOT NULL,
    version      integer NOT NULL,
    actor_id     uuid NOT NULL,
    at           timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, template_id, event_id)
);

DO $$
DECLARE
    one text;
BEGIN
    FOREACH one IN ARRAY ARRAY['templates', 'template_versions', 'template_events'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', one);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', one);
        EXECUTE format('CREATE POLICY one_tenant ON %I TO carepost_app USING '
                       '(tenant_id = nullif(current_setting(''carepost.tenant_id'', true), '''')::uuid)', one);
        EXECUTE format('CREATE POLICY engine ON %I TO carepost_engine USING (true)', one);
        EXECUTE format('GRANT SELECT ON %I TO carepost_engine', one);
        EXECUTE format('GRANT SELECT, INSERT ON %I TO carepost_app', one);
    END LOOP;
END $$;
GRANT UPDATE ON templates TO carepost_app;
GRANT UPDATE (published_at) ON template_versions TO carepost_app;
