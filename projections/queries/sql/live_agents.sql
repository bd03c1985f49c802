SELECT pool, agent_id, state
FROM reporting.fct_agent_state
WHERE until IS NULL
UNION ALL
SELECT a.pool, a.agent_id, 'offline'
FROM reporting.dim_agent a
WHERE a.pool IS NOT NULL
  AND NOT EXISTS (SELECT FROM reporting.fct_agent_state s WHERE s.pool = a.pool AND s.agent_id = a.agent_id)
