-- The chain of events is kept for ever, so this list is too.
SELECT event_id, decided_at AS erased_at,
       CASE WHEN event_type <> 'ContactErased' THEN coalesce(facts ->> 'content_id', '')
            WHEN facts ->> 'of' IS NULL THEN 'contact ' || key
            ELSE 'handle ' || key END AS what,
       coalesce(facts ->> 'why', CASE event_type WHEN 'MessageDeleted' THEN 'platform' ELSE 'request' END) AS why,
       actor_kind, actor_id,
       coalesce((facts ->> 'contents')::integer, 1) AS contents
FROM audit.event
WHERE event_type IN ('ContactErased', 'WordsErased', 'MessageDeleted')
ORDER BY decided_at DESC, event_id
LIMIT %(limit)s
