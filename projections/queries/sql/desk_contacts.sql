-- The handles are looked up first, so that contacts are put together only for those that match.
SELECT contact_id, known_as, channels, language, blocked, opted_out, erased_at, created_at, last_activity_at, interactions,
       open_interactions
FROM contact_history.contact
WHERE contact_id IN (
        SELECT p.contact_id
        FROM contact_history.profile p
        WHERE strpos(lower(p.screen_name), lower(%(text)s)) > 0
           OR strpos(lower(p.name), lower(%(text)s)) > 0
           OR p.platform_id LIKE %(prefix)s)
  AND (%(after_at)s::timestamptz IS NULL OR (created_at, contact_id) < (%(after_at)s, %(after_id)s))
ORDER BY created_at DESC, contact_id DESC
LIMIT %(limit)s
