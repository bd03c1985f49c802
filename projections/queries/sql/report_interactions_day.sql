SELECT interval_start, account_key, queue, offered, answered, closed_automatically, withdrawn, expired,
       closed_unanswered, unanswered_open, filtered, messages_in, messages_out, first_responses,
       first_response_seconds_sum, first_response_seconds_p50, first_response_seconds_p90
FROM reporting.by_day
WHERE (%(since)s::timestamptz IS NULL OR interval_start >= %(since)s)
  AND (%(until)s::timestamptz IS NULL OR interval_start < %(until)s)
ORDER BY interval_start, account_key, queue
