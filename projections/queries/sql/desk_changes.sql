-- What happened to an interaction after a sequence. Not complete: words that came by interaction.content a moment later
-- may still be on their way; those that are missing for longer were erased.
SELECT e.sequence, e.occurred_at AS at, e.event_type AS event,
       (SELECT b.state FROM audit.event b
        WHERE b.topic = 'interaction.events' AND b.interaction_id = e.interaction_id AND b.sequence < e.sequence
        ORDER BY b.sequence DESC LIMIT 1) AS state_before,
       e.state, e.actor_kind, e.actor_id, e.facts, m.message_id,
       NOT (e.facts ->> 'words' IS NOT NULL AND coalesce(m.text, '[erased]') = '[erased]'
            AND e.decided_at > now() - interval '5 seconds') AS complete
FROM audit.event e
LEFT JOIN contact_history.message m
       ON m.message_id = coalesce(e.facts ->> 'delivery_id', e.facts ->> 'content_id', e.facts ->> 'note_id')
      AND m.interaction_id = e.interaction_id
WHERE e.topic = 'interaction.events' AND e.interaction_id = %(interaction)s AND e.sequence > %(since)s
ORDER BY e.sequence
LIMIT %(limit)s
