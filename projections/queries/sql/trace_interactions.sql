-- The interactions that an id or some keys stand for: all of a person's. `kin` are the keys that are or were linked with
-- those, at one of which each of their interactions began.
-- What is found goes on as an array: that is looked up in an index, where a join is thought to find so many rows that
-- whole tables are read for it.
WITH wanted AS (
    SELECT %(id)s AS interaction_id
    UNION
    SELECT i.interaction_id FROM contact_history.interaction i
    WHERE i.home = ANY(ARRAY(
        SELECT unnest(c.homes) FROM contact_history.contact c
        WHERE c.contact_id = ANY(ARRAY(SELECT contact_id FROM contact_history.person WHERE home = ANY(%(keys)s)))))
    UNION  -- what a handle wrote while it was linked elsewhere
    SELECT i.interaction_id FROM contact_history.interaction i
    WHERE i.home = ANY(%(kin)s) AND i.handle_id = ANY(%(keys)s)
)
SELECT i.interaction_id, i.contact_id, i.customer, i.channel, i.account, i.private_channel, i.in_session, i.state, i.queue,
       i.agent_id, i.opened_at, i.disposition, f.first_response_seconds,
       coalesce(f.first_message_at, i.opened_at) AS first_message_at
FROM contact_history.interaction i
LEFT JOIN reporting.fct_interaction f USING (interaction_id)
WHERE i.interaction_id = ANY(ARRAY(SELECT interaction_id FROM wanted))
ORDER BY i.opened_at, i.interaction_id
