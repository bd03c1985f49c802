-- The events of some interactions, with the words that belong to them and, for offers, how long routing let them wait.
SELECT t.interaction_id, t.occurred_at, t.sequence, t.event_type, t.state_before, t.state, t.actor_kind, t.actor_id,
       t.policy_version, t.facts, t.topic || '[' || t.partition || ']@' || t.record_offset AS position,
       CASE WHEN t.event_type IN ('MessageReceived', 'ReplyRequested', 'RepliedElsewhere', 'NoticeRequested')
            THEN coalesce(w.text, '[erased]')
            ELSE w.text END AS text,
       (r.facts ->> 'waited')::bigint AS waited
FROM audit.trail t
LEFT JOIN contact_history.words w ON w.content_id = coalesce(t.facts ->> 'content_id', t.facts ->> 'note_id')
LEFT JOIN audit.event r
       ON t.event_type = 'Assigned' AND r.topic = 'routing.events' AND r.interaction_id = t.interaction_id
      AND r.event_type = 'Reserved' AND r.facts ->> 'reservation_id' = t.facts ->> 'reservation_id'
WHERE t.topic = 'interaction.events' AND t.interaction_id = ANY(%(ids)s)
ORDER BY t.interaction_id, t.sequence
