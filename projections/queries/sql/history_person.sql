-- The contact to which a key belongs now, with the keys of all its handles.
SELECT contact_id, homes, created_at, language, blocked, opted_out, erased_at
FROM contact_history.contact
WHERE contact_id = (SELECT contact_id FROM contact_history.person WHERE home = %(key)s)
