-- The keys that are or were linked with some, directly or over others.
WITH RECURSIVE kin (home) AS (
    SELECT unnest(%(keys)s::text[])
    UNION
    SELECT next.home
    FROM kin
    CROSS JOIN LATERAL (
        SELECT l.contact_id AS home FROM contact_history.link l WHERE l.handle_id = kin.home
        UNION ALL
        SELECT l.handle_id FROM contact_history.link l WHERE l.contact_id = kin.home
    ) next
)
SELECT home FROM kin ORDER BY home
