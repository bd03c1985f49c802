SELECT date_bin(%(span)s::interval, at, timestamptz '1970-01-01 00:00:00+00') AS interval_start,
       from_state, to_state, event_type, count(*) AS transitions,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds_in_from_state) AS seconds_p50,
       percentile_cont(0.9) WITHIN GROUP (ORDER BY seconds_in_from_state) AS seconds_p90
FROM reporting.fct_transition
WHERE (%(since)s::timestamptz IS NULL OR at >= %(since)s)
  AND (%(until)s::timestamptz IS NULL OR at < %(until)s)
GROUP BY 1, 2, 3, 4
ORDER BY 1, from_state NULLS FIRST, to_state, event_type
