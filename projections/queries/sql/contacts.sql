SELECT contact_id, known_as, channels, created_at, last_activity_at, interactions, open_interactions, messages_in,
       messages_out
FROM contact_history.contact c
WHERE (%(search)s::text IS NULL OR EXISTS (
        SELECT 1 FROM contact_history.profile p
        WHERE p.contact_id = c.contact_id
          AND (strpos(lower(p.screen_name), lower(%(search)s)) > 0 OR strpos(lower(p.name), lower(%(search)s)) > 0)))
  AND (%(after_at)s::timestamptz IS NULL OR (created_at, contact_id) < (%(after_at)s, %(after_id)s))
ORDER BY created_at DESC, contact_id DESC
LIMIT %(limit)s
