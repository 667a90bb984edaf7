-- Versions, removed: must be refused. Leans on nothing.
DELETE FROM template_versions
