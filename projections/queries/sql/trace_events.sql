-- The events of some interactions, with the words that belong to them and, for offers, how long routing let them wait;
-- and what happened to the contact meanwhile, which stands on the same key.
WITH told AS (
    SELECT t.interaction_id, t.occurred_at, t.sequence, t.event_type, t.state_before, t.state, t.actor_kind, t.actor_id,
           t.policy_version, t.facts, t.topic, t.partition, t.record_offset
    FROM audit.trail t
    WHERE t.topic = 'interaction.events' AND t.interaction_id = ANY(%(ids)s)
), spans AS (
    SELECT interaction_id, min(sequence) AS first,
           max(sequence) FILTER (WHERE event_type = 'Dispositioned') AS last
    FROM told
    GROUP BY interaction_id
), steps AS (
    SELECT * FROM told
    UNION ALL
    SELECT s.interaction_id, e.occurred_at, e.sequence, e.event_type, NULL, NULL, e.actor_kind, e.actor_id,
           e.policy_version, e.facts, e.topic, e.partition, e.record_offset
    FROM spans s
    JOIN contact_history.interaction i USING (interaction_id)
    JOIN audit.event e ON e.topic = 'interaction.events' AND e.key = i.home AND e.interaction_id IS NULL
                      AND e.sequence BETWEEN s.first AND coalesce(s.last, e.sequence)
)
SELECT t.interaction_id, t.occurred_at, t.sequence, t.event_type, t.state_before, t.state, t.actor_kind, t.actor_id,
       t.policy_version, t.facts, t.topic || '[' || t.partition || ']@' || t.record_offset AS position,
       CASE WHEN t.event_type IN ('MessageReceived', 'MessageEdited', 'ReplyRequested', 'RepliedElsewhere',
                                  'NoticeRequested', 'AutoReplyRequested')
                 OR t.facts ->> 'note_id' IS NOT NULL
            THEN coalesce(w.text, '[erased]')
            ELSE w.text END AS text,
       (r.facts ->> 'waited')::bigint AS waited
FROM steps t
LEFT JOIN contact_history.words w ON w.content_id = coalesce(t.facts ->> 'content_id', t.facts ->> 'note_id')
LEFT JOIN audit.event r
       ON t.event_type = 'Assigned' AND r.topic = 'routing.events' AND r.interaction_id = t.interaction_id
      AND r.event_type = 'Reserved' AND r.facts ->> 'reservation_id' = t.facts ->> 'reservation_id'
ORDER BY t.interaction_id, t.sequence
