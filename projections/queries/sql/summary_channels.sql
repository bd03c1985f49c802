SELECT c.channel,
       coalesce(i.interactions, 0) AS interactions,
       coalesce(m.messages_in, 0) AS messages_in,
       coalesce(m.answers_posted, 0) AS answers_posted,
       coalesce(m.answers_automatic, 0) AS answers_automatic,
       coalesce(i.moved_to_private, 0) AS moved_to_private,
       coalesce(l.handles_linked, 0) AS handles_linked,
       coalesce(i.suggestions, 0) AS suggestions
FROM (SELECT DISTINCT channel FROM contact_history.interaction
      UNION SELECT channel FROM contact_history.message WHERE channel IS NOT NULL) c
LEFT JOIN (
    SELECT f.channel, count(*) AS interactions,
           count(*) FILTER (WHERE f.moved_to_private_at IS NOT NULL OR p.interaction_id IS NOT NULL) AS moved_to_private,
           coalesce(sum(f.engagements_suggested), 0)::bigint AS suggestions
    FROM reporting.fct_interaction f
    LEFT JOIN (
        SELECT DISTINCT interaction_id FROM reporting.fct_delivery
        WHERE kind = 'reply' AND visibility = 'private' AND outcome = 'posted'
    ) p ON p.interaction_id = f.interaction_id AND f.visibility = 'public'
    GROUP BY f.channel
) i USING (channel)
LEFT JOIN (
    SELECT channel,
           count(*) FILTER (WHERE kind = 'message') AS messages_in,
           count(*) FILTER (WHERE kind IN ('reply', 'announcement') AND status = 'posted') AS answers_posted,
           count(*) FILTER (WHERE kind IN ('notice', 'answer') AND status = 'posted') AS answers_automatic
    FROM contact_history.message
    GROUP BY channel
) m USING (channel)
LEFT JOIN (
    SELECT h.channel, count(*) AS handles_linked
    FROM contact_history.link k
    JOIN contact_history.handle h USING (handle_id)
    WHERE k.unlinked_at IS NULL
    GROUP BY h.channel
) l USING (channel)
ORDER BY array_position(ARRAY['x', 'facebook', 'messenger'], c.channel)
