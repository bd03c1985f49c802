-- The texts that have what is asked for: the latest sent first, or the best.
WITH found AS (
    SELECT m.message_id, m.sent_at,
           CASE WHEN %(ranked)s::boolean THEN ts_rank(w.lexemes, %(asked)s::tsquery) END AS rank
    FROM contact_history.searched w
    JOIN contact_history.message m ON m.message_id = w.message_id
    WHERE w.lexemes @@ %(asked)s::tsquery
      AND (%(account)s::text IS NULL OR m.account = %(account)s)
      AND (%(channel)s::text IS NULL OR m.channel = %(channel)s)
      AND (%(since)s::timestamptz IS NULL OR m.sent_at >= %(since)s)
      AND (%(until)s::timestamptz IS NULL OR m.sent_at < %(until)s)
      AND (%(after_at)s::timestamptz IS NULL
           OR (m.sent_at, m.message_id COLLATE "C") < (%(after_at)s::timestamptz, %(after_id)s::text))
    ORDER BY rank DESC, m.sent_at DESC, m.message_id COLLATE "C" DESC
    LIMIT %(limit)s
)
SELECT m.message_id, m.interaction_id, m.contact_id, m.channel, m.account, m.direction, m.kind, m.author, m.sent_at,
       found.rank, m.text
FROM found
JOIN contact_history.message m USING (message_id)
ORDER BY found.rank DESC, m.sent_at DESC, m.message_id COLLATE "C" DESC
