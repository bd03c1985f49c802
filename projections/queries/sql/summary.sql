SELECT
    (SELECT count(*) FROM contact_history.contact) AS contacts,
    (SELECT count(*) FROM contact_history.interaction) AS interactions,
    (SELECT coalesce(jsonb_object_agg(state, n), '{}')
     FROM (SELECT state, count(*) AS n FROM contact_history.interaction GROUP BY state) s) AS interactions_by_state,
    m.*,
    (SELECT count(*) FROM contact_history.action WHERE kind = 'engagement' AND status = 'done') AS engagements,
    f.count, f.p50, f.p90, f.sum,
    (SELECT count(*) FROM audit.event) AS events,
    (SELECT count(*) FROM audit.chain_fault) AS chain_faults
FROM (
    SELECT count(*) FILTER (WHERE kind = 'message') AS inbound_messages,
           count(*) FILTER (WHERE kind IN ('reply', 'announcement') AND status = 'posted') AS replies_posted,
           count(*) FILTER (WHERE kind = 'own_post') AS replies_elsewhere,
           count(*) FILTER (WHERE kind IN ('reply', 'announcement') AND status = 'failed') AS replies_refused,
           count(*) FILTER (WHERE kind IN ('reply', 'announcement') AND status = 'abandoned') AS replies_abandoned,
           count(*) FILTER (WHERE kind IN ('reply', 'announcement') AND status IN ('waiting', 'pending')) AS replies_pending,
           count(*) FILTER (WHERE kind = 'notice' AND status = 'posted') AS notices_posted,
           count(*) FILTER (WHERE kind = 'answer' AND status = 'posted') AS answers_automatic
    FROM contact_history.message
) m, (
    SELECT count(first_response_seconds) AS count,
           percentile_cont(0.5) WITHIN GROUP (ORDER BY first_response_seconds) AS p50,
           percentile_cont(0.9) WITHIN GROUP (ORDER BY first_response_seconds) AS p90,
           coalesce(sum(first_response_seconds), 0) AS sum
    FROM reporting.fct_interaction
) f
