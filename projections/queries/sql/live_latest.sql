-- The last events of each partition: what is said at last is not always what happened last, but nearly.
SELECT (extract(epoch FROM max(latest.occurred_at)) * 1000)::bigint AS latest
FROM projector.offsets o
JOIN projector.builds b USING (projection, version)
CROSS JOIN LATERAL (
    SELECT e.occurred_at
    FROM audit.event e
    WHERE e.topic = o.topic AND e.partition = o.partition AND e.interaction_id IS NOT NULL
    ORDER BY e.record_offset DESC
    LIMIT 50
) latest
WHERE b.views IS NOT NULL AND o.projection = 'audit' AND o.topic = 'interaction.events'
