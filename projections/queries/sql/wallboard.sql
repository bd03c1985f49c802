SELECT board
FROM live.wallboard
WHERE written_at > clock_timestamp() - interval '10 seconds'
ORDER BY written_at DESC
LIMIT 1
