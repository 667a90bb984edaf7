-- As if all had ended.
UPDATE care.deliveries SET is_open = false
