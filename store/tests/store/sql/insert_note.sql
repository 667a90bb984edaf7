-- Writes one note.
INSERT INTO notes (tenant_id, note) VALUES ($1, $2)
