-- The interactions that an id or a name stands for: all of a contact's where it names a person.
WITH named AS (
    SELECT p.contact_id, p.handle_id
    FROM contact_history.profile p
    WHERE lower(p.screen_name) = lower(%(name)s) AND (%(channel)s::text IS NULL OR p.channel = %(channel)s)
    UNION
    SELECT h.contact_id, h.handle_id FROM contact_history.handle h WHERE h.handle_id = %(id)s OR h.contact_id = %(id)s
)
SELECT i.interaction_id, i.contact_id, i.customer, i.channel, i.account, i.state, i.queue, i.agent_id, i.opened_at,
       i.disposition, f.first_response_seconds, coalesce(f.first_message_at, i.opened_at) AS first_message_at
FROM contact_history.interaction i
LEFT JOIN reporting.fct_interaction f USING (interaction_id)
WHERE i.interaction_id = %(id)s
   OR i.contact_id IN (SELECT contact_id FROM named)
   OR i.handle_id IN (SELECT handle_id FROM named)
ORDER BY i.opened_at, i.interaction_id
