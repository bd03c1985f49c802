SELECT action_id, kind, action, item_id, agent_id, status, requested_at, done_at, reason, detail
FROM contact_history.action
WHERE interaction_id = %(interaction)s
ORDER BY sequence
LIMIT %(limit)s
