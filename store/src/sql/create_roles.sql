-- Makes the two roles and lets the login act as them; safe against others of this server who do the same. Indexes: the
-- catalogue's.
DO $$
DECLARE
    one text;
    -- Since version 16 membership and the right to act as a role are two things.
    wanted constant text := CASE WHEN current_setting('server_version_num')::integer >= 160000 THEN 'SET'
                                 ELSE 'MEMBER' END;
BEGIN
    FOREACH one IN ARRAY ARRAY['carepost_app', 'carepost_engine'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = one) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS', one);
            EXCEPTION WHEN duplicate_object OR unique_violation THEN
                -- Somebody else was faster.
                NULL;
            END;
        END IF;
        CONTINUE WHEN pg_has_role(current_user, one, wanted);
        BEGIN
            EXECUTE format('GRANT %I TO CURRENT_USER', one);
        EXCEPTION WHEN unique_violation OR internal_error THEN
            -- "tuple concurrently updated": somebody else grants the same.
            NULL;
        END;
    END LOOP;
END $$
