-- The history, changed: must be refused. Leans on nothing.
UPDATE template_events SET action = 'created'
