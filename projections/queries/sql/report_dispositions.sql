SELECT interval_start, account_key, queue, disposition, dispositioned_by, ended_by, interactions, handling_seconds_p50
FROM reporting.by_disposition
WHERE width = %(width)s
  AND (%(since)s::timestamptz IS NULL OR interval_start >= %(since)s)
  AND (%(until)s::timestamptz IS NULL OR interval_start < %(until)s)
ORDER BY interval_start, account_key, queue, disposition, dispositioned_by
