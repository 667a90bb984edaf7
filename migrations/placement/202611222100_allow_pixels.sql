-- An open pixel is a link that leads nowhere: it has a token, a message and an end, and no target.
ALTER TABLE links ALTER COLUMN target_sealed DROP NOT NULL;
