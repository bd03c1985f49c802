SELECT handle_id, channel, called, screen_name, name, platform_id, linked_at, how
FROM contact_history.handle
WHERE handle_id = ANY(%(keys)s)
ORDER BY linked_at, handle_id COLLATE "C"
