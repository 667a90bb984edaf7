-- A version's content, changed: must be refused. Leans on nothing.
UPDATE template_versions SET content = '{}'
