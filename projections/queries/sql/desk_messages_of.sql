-- The latest messages of a contact, in the order sent.
SELECT message_id, interaction_id, direction, kind, status, author, channel, visibility, event, item_id, in_reply_to,
       sent_at, edited_at, text, exact, language, attachments, reason, detail
FROM (
    SELECT *
    FROM contact_history.message
    WHERE interaction_id IN (
        SELECT interaction_id FROM contact_history.interaction
        WHERE contact_id IS NOT NULL AND home IN (SELECT unnest(homes) FROM contact_history.contact WHERE contact_id = %(contact)s))
    ORDER BY sent_at DESC, sequence DESC, message_id DESC
    LIMIT %(limit)s
) latest
ORDER BY sent_at, sequence, message_id
