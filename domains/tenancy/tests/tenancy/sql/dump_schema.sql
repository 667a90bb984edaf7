-- Every table of the control schema as text: what a dump would hold. Binary values are in hexadecimal.
SELECT table_name::text,
       query_to_xml(format('SELECT row_to_json(one)::text FROM carepost_control.%I AS one', table_name),
                    true, false, '')::text AS content
FROM information_schema.tables
WHERE table_schema = 'carepost_control'
ORDER BY 1
