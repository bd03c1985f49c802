-- The contact of a key: that of a contact that was merged into another leads to the other.
SELECT contact_id, known_as, channels, language, blocked, opted_out, erased_at, created_at, last_activity_at, interactions,
       open_interactions
FROM contact_history.contact
WHERE contact_id = (SELECT contact_id FROM contact_history.person WHERE home = %(contact)s)
