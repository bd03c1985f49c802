SELECT interaction_id, contact_id, customer, channel, account, visibility, private_channel, in_session, state, state_since,
       queue, agent_id, accepted, opened_at, last_activity_at, messages_in, messages_out, automatic_answers, engagements,
       suggested, disposition
FROM contact_history.interaction
WHERE (%(state)s::text IS NULL OR state = %(state)s)
  AND (%(account)s::text IS NULL OR account = %(account)s)
  AND (%(channel)s::text IS NULL OR channel = %(channel)s)
  AND (%(queue)s::text IS NULL OR queue = %(queue)s)
  AND (%(agent)s::text IS NULL OR agent_id = %(agent)s)
  AND (%(after_at)s::timestamptz IS NULL OR (opened_at, interaction_id) < (%(after_at)s, %(after_id)s))
ORDER BY opened_at DESC, interaction_id DESC
LIMIT %(limit)s
