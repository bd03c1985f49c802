-- Every partition is told of an emergency; the control key of the first is asked.
SELECT event_type = 'EmergencyActivated' AS begins, occurred_at AS at, actor_id AS by
FROM audit.event
WHERE topic = 'interaction.events' AND key = '~0' AND interaction_id IS NULL
  AND event_type IN ('EmergencyActivated', 'EmergencyEnded')
  AND facts ->> 'account' = %(account)s
ORDER BY sequence DESC
LIMIT 1
