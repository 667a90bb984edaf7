-- Something to find again.
CREATE TABLE mark (number bigint);
INSERT INTO mark VALUES (42)
