-- Divides by a parameter.
SELECT 1 / $1::integer AS quotient
