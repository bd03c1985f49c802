-- The interactions that an id or a name stands for: all of a person's where it names one.
WITH named AS (
    SELECT p.handle_id AS home
    FROM contact_history.profile p
    WHERE lower(p.screen_name) = lower(%(name)s) AND (%(channel)s::text IS NULL OR p.channel = %(channel)s)
    UNION
    SELECT home FROM contact_history.person WHERE home = %(id)s
), wanted AS (
    SELECT %(id)s AS interaction_id
    UNION
    SELECT i.interaction_id FROM contact_history.interaction i
    WHERE i.home IN (
        SELECT unnest(c.homes)
        FROM named JOIN contact_history.person k USING (home) JOIN contact_history.contact c USING (contact_id))
    UNION  -- what a handle wrote while it was linked elsewhere
    SELECT i.interaction_id FROM contact_history.interaction i WHERE i.handle_id IN (SELECT home FROM named)
)
SELECT i.interaction_id, i.contact_id, i.customer, i.channel, i.account, i.private_channel, i.in_session, i.state, i.queue,
       i.agent_id, i.opened_at, i.disposition, f.first_response_seconds,
       coalesce(f.first_message_at, i.opened_at) AS first_message_at
FROM wanted
JOIN contact_history.interaction i USING (interaction_id)
LEFT JOIN reporting.fct_interaction f USING (interaction_id)
ORDER BY i.opened_at, i.interaction_id
