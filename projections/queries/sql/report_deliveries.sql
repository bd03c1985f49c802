SELECT interval_start, account_key, kind, action, outcome, reason, deliveries, failed_attempts
FROM reporting.by_delivery
WHERE width = %(width)s
  AND (%(since)s::timestamptz IS NULL OR interval_start >= %(since)s)
  AND (%(until)s::timestamptz IS NULL OR interval_start < %(until)s)
ORDER BY interval_start, account_key, kind, action, outcome, reason
