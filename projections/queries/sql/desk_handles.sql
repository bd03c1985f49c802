SELECT handle_id, channel, platform_id, screen_name, name, linked_at, how
FROM contact_history.handle
WHERE handle_id IN (SELECT unnest(homes) FROM contact_history.contact WHERE contact_id = %(contact)s)
ORDER BY linked_at, handle_id
