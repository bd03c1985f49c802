SELECT contact_id, known_as, handles, channels, language, blocked, opted_out, erased_at, created_at, last_activity_at, interactions,
       open_interactions, messages_in, messages_out
FROM contact_history.contact
WHERE (%(search)s::text IS NULL OR contact_id IN (
        SELECT p.contact_id FROM contact_history.profile p
        WHERE strpos(lower(p.screen_name), lower(%(search)s)) > 0
           OR strpos(lower(p.name), lower(%(search)s)) > 0
           OR starts_with(p.platform_id, %(search)s)))
  AND (%(after_at)s::timestamptz IS NULL OR (created_at, contact_id) < (%(after_at)s, %(after_id)s))
ORDER BY created_at DESC, contact_id DESC
LIMIT %(limit)s
