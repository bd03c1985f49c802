SELECT date_bin(%(span)s::interval, at, timestamptz '1970-01-01 00:00:00+00') AS interval_start,
       agent_id,
       count(*) FILTER (WHERE event_type = 'Assigned') AS assigned,
       count(*) FILTER (WHERE event_type = 'QueuedAgain') AS not_accepted,
       count(*) FILTER (WHERE event_type = 'Replied') AS answers
FROM reporting.fct_transition
WHERE agent_id IS NOT NULL
  AND event_type IN ('Assigned', 'QueuedAgain', 'Replied')
  AND (%(since)s::timestamptz IS NULL OR at >= %(since)s)
  AND (%(until)s::timestamptz IS NULL OR at < %(until)s)
GROUP BY 1, 2
ORDER BY 1, 2
