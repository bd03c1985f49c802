SELECT message_id, interaction_id, direction, kind, status, author, channel, visibility, event, item_id, in_reply_to,
       sent_at, edited_at, text, exact, language, attachments, reason, detail
FROM contact_history.message
WHERE message_id = ANY(%(ids)s)
