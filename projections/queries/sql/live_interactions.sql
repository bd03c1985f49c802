SELECT f.interaction_id, f.account_key, f.queue, f.state, f.filtered, f.disposition,
       f.first_queued_at IS NOT NULL AS queued,
       f.dispositioned_by IS NOT NULL AS by_agent,
       (extract(epoch FROM f.opened_at) * 1000)::bigint AS opened_at,
       (extract(epoch FROM f.answer_by) * 1000)::bigint AS answer_by,
       (extract(epoch FROM f.first_response_at) * 1000)::bigint AS first_response_at,
       CASE WHEN f.first_queued_at IS NOT NULL AND f.disposition IS NULL THEN (
           SELECT (extract(epoch FROM max(t.at)) * 1000)::bigint
           FROM reporting.fct_transition t
           WHERE t.interaction_id = f.interaction_id AND t.event_type = 'Queued'
       ) END AS waiting_since
FROM reporting.fct_interaction f
WHERE f.disposition IS NULL
   OR f.opened_at > %(since)s
   OR f.first_response_at > %(since)s
   OR f.answer_by > %(since)s
