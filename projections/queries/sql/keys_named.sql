-- The keys of the handles that an id or a name stands for.
SELECT p.handle_id AS home
FROM contact_history.profile p
WHERE lower(p.screen_name) = lower(%(name)s) AND (%(channel)s::text IS NULL OR p.channel = %(channel)s)
UNION
SELECT home FROM contact_history.person WHERE home = %(id)s
