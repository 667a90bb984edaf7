-- The processes that work on this placement, and where the others reach them (DEL-10). Whether one is alive is said by
-- its lock (lock_instance.sql), not by this table.

CREATE TABLE instances (
    instance_id  uuid PRIMARY KEY,
    -- Base address of its API, as its peers reach it.
    address      text NOT NULL,
    -- It is stopping: nobody should give it tenants.
    is_leaving   boolean NOT NULL,
    seen_at      timestamptz NOT NULL
);
ALTER TABLE instances ENABLE ROW LEVEL SECURITY;
ALTER TABLE instances FORCE ROW LEVEL SECURITY;
CREATE POLICY engine ON instances TO carepost_engine USING (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON instances TO carepost_engine;
