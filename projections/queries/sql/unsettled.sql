SELECT d.reason, count(*) AS deliveries
FROM reporting.fct_delivery d
JOIN reporting.fct_interaction i ON i.interaction_id = d.interaction_id
WHERE d.outcome = 'abandoned' AND i.dispositioned_at IS NULL
GROUP BY d.reason
ORDER BY d.reason
