SELECT interaction_id, handle_id, channel, account, opened_at, state, queue, agent_id, disposition, messages_in, messages_out
FROM contact_history.interaction
WHERE interaction_id = ANY(%(ids)s)
ORDER BY opened_at, interaction_id COLLATE "C"
