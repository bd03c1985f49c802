-- All that happened on some keys, each key's in its order.
WITH told AS (
    SELECT topic, partition, record_offset, key, event_type, interaction_id, contact_id, state, occurred_at, event_id,
           sequence, actor_kind, actor_id, policy_version, facts
    FROM audit.event
    WHERE topic = 'interaction.events' AND interaction_id IS NULL AND key = ANY(%(keys)s)
    UNION ALL
    SELECT topic, partition, record_offset, key, event_type, interaction_id, contact_id, state, occurred_at, event_id,
           sequence, actor_kind, actor_id, policy_version, facts
    FROM audit.event
    WHERE topic = 'interaction.events'
      AND interaction_id IN (SELECT interaction_id FROM contact_history.interaction WHERE home = ANY(%(keys)s))
)
SELECT * FROM told ORDER BY key, sequence
