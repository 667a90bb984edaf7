-- A table as the rooms' tables are: one row-level policy for tenants, one for the engine.
CREATE TABLE care.notes (tenant_id uuid NOT NULL, note text NOT NULL CONSTRAINT notes_note UNIQUE);
ALTER TABLE care.notes ENABLE ROW LEVEL SECURITY;
ALTER TABLE care.notes FORCE ROW LEVEL SECURITY;
CREATE POLICY one_tenant ON care.notes TO carepost_app
    USING (tenant_id = nullif(current_setting('carepost.tenant_id', true), '')::uuid);
CREATE POLICY engine ON care.notes TO carepost_engine USING (true);
GRANT SELECT, INSERT ON care.notes TO carepost_app, carepost_engine;
CREATE TABLE care.writes (write_no bigint GENERATED ALWAYS AS IDENTITY, tenant_id uuid, epoch bigint);
GRANT SELECT, INSERT ON care.writes TO carepost_engine;
GRANT USAGE ON SEQUENCE care.writes_write_no_seq TO carepost_engine;
CREATE VIEW care.number_of_writes AS SELECT count(*) FROM care.writes;
