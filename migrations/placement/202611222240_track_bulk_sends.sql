-- Whether links of a bulk send lead over short ones of ours, and whether its emails get a pixel.
ALTER TABLE bulk_sends
    ADD COLUMN track_links boolean NOT NULL DEFAULT false,
    ADD COLUMN track_opens boolean NOT NULL DEFAULT false;
