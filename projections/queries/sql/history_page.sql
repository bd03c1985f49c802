-- The next messages of a person in the order sent, over all keys: as many of each key as the page has at most, by an
-- index. What it costs does not depend on how many there are before.
SELECT page.message_id, page.interaction_id, page.sent_at, page.sequence
FROM unnest(%(keys)s::text[]) AS mine (home)
CROSS JOIN LATERAL (
    SELECT s.message_id, s.interaction_id, s.sent_at, s.sequence
    FROM contact_history.sent s
    WHERE s.home = mine.home
      AND s.sent_at >= %(after_at)s::timestamptz
      AND (s.sent_at, s.sequence, s.message_id COLLATE "C")
          > (%(after_at)s::timestamptz, %(after_sequence)s::bigint, %(after_id)s::text)
    ORDER BY s.sent_at, s.sequence, s.message_id COLLATE "C"
    LIMIT %(limit)s
) page
ORDER BY page.sent_at, page.sequence, page.message_id COLLATE "C"
LIMIT %(limit)s
