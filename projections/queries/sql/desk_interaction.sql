SELECT interaction_id, contact_id, customer, channel, account, visibility, state, state_since, queue, agent_group, priority,
       agent_id, accepted, accept_by, answer_by, in_session, suggested, opened_at, last_activity_at, messages_in,
       messages_out, disposition, sequence,
       handle_id, event, thread, skills, kept_for, reservation_id, expires_at, closure, held_until, private_channel,
       invited, sessions, suggested_item, engagements, automatic_answers, dispositioned_at, follows, filter
FROM contact_history.interaction
WHERE interaction_id = %(interaction)s
