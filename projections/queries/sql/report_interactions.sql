SELECT interval_start, account_key, queue, offered, answered, engaged_only, closed_automatically, withdrawn, expired,
       closed_unanswered, unanswered_open, filtered, messages_in, messages_out, answers_posted, moved_to_private,
       deliveries_failed, target_met, target_missed, service_level, first_responses, first_response_seconds_sum,
       first_response_seconds_p50, first_response_seconds_p90
FROM reporting.by_interval
WHERE width = %(width)s
  AND (%(since)s::timestamptz IS NULL OR interval_start >= %(since)s)
  AND (%(until)s::timestamptz IS NULL OR interval_start < %(until)s)
ORDER BY interval_start, account_key, queue
