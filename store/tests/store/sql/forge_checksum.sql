-- As if the files had been changed after they ran.
UPDATE care.carepost_migrations SET checksum = '1'
