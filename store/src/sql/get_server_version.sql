-- The server's version: 150004 is 15.4. No index.
SELECT current_setting('server_version_num')::integer AS version
