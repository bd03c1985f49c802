-- The latest messages of an interaction, in the order sent.
SELECT message_id, interaction_id, direction, kind, status, author, channel, visibility, event, item_id, in_reply_to,
       sent_at, edited_at, text, exact, language, attachments, reason, detail
FROM (
    SELECT *
    FROM contact_history.message
    WHERE interaction_id = %(interaction)s
    ORDER BY sent_at DESC, sequence DESC, message_id DESC
    LIMIT %(limit)s
) latest
ORDER BY sent_at, sequence, message_id
