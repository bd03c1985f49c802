-- Links and their ends on some keys. HandleLinked and HandleUnlinked stand on the contact's key and tell who asked;
-- HomeLinked and HomeUnlinked on the handle's own, from where on they hold.
SELECT key, sequence, event_type, occurred_at AS at, actor_kind, actor_id, facts
FROM audit.event
WHERE topic = 'interaction.events'
  AND interaction_id IS NULL
  AND key = ANY(%(keys)s)
  AND event_type IN ('HandleLinked', 'HandleUnlinked', 'HomeLinked', 'HomeUnlinked')
ORDER BY occurred_at, key COLLATE "C", sequence
