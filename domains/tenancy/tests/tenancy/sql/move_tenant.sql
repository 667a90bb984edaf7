-- Refused to tenants: a placement is not theirs to choose.
UPDATE tenants SET placement_id = tenant_id
