-- The words of an interaction's messages, as far as they are not erased.
SELECT DISTINCT words.content_id, words.text, words.exact, words.salt
FROM contact_history.message JOIN contact_history.words USING (content_id)
WHERE message.interaction_id = %(interaction_id)s
ORDER BY words.content_id
