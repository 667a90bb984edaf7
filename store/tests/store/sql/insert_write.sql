-- Writes down who wrote when, in the order of the gate.
INSERT INTO writes (tenant_id, epoch) VALUES ($1, $2)
