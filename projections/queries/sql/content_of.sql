SELECT content_id FROM contact_history.message
WHERE content_id IS NOT NULL AND (message_id = %(message_id)s OR content_id = %(message_id)s)
LIMIT 1
