-- Where the events of an interaction stand, and those between them on its key: their chain has no gap.
WITH own AS (
    SELECT key, min(sequence) AS first, max(sequence) AS last
    FROM audit.event
    WHERE topic = 'interaction.events' AND interaction_id = %(interaction_id)s
    GROUP BY key
)
SELECT event.partition, event.record_offset AS "offset", (extract(epoch FROM event.decided_at) * 1000)::bigint AS decided_at
FROM own JOIN audit.event event
  ON event.topic = 'interaction.events' AND event.key = own.key AND event.sequence BETWEEN own.first AND own.last
ORDER BY event.sequence
