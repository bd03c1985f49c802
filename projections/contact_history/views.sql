-- The views of the contact history. {rows} is the schema of the tables of the current version.
-- A column that has no comment here takes that of the table's column of the same name.
COMMENT ON SCHEMA contact_history IS
    'Who wrote to us, about what, and what was answered. Words and names that were erased read as [erased].';

-- Links are followed to their end, as the engine follows them; it passes nothing on more than eight times.
CREATE VIEW contact_history.person AS
SELECT h.handle_id AS home,
       CASE WHEN h.link_id IS NULL THEN h.contact_id
            ELSE (
                WITH RECURSIVE up (contact_id, hops) AS (
                    SELECT h.contact_id, 1
                    UNION ALL
                    SELECT next.contact_id, up.hops + 1
                    FROM up JOIN {rows}.handles next ON next.handle_id = up.contact_id AND next.link_id IS NOT NULL
                    WHERE up.hops < 16
                )
                SELECT up.contact_id FROM up ORDER BY up.hops DESC LIMIT 1
            ) END AS contact_id
FROM {rows}.handles h;
COMMENT ON VIEW contact_history.person IS 'One row for each key of a person: whose it is now.';
COMMENT ON COLUMN contact_history.person.home IS 'the key: the home of a handle, where its interactions began';
COMMENT ON COLUMN contact_history.person.contact_id IS
    'the contact, all links and merges followed; null: none (unlinked, and it has not written since)';

CREATE VIEW contact_history.profile AS
SELECT p.handle_id, k.contact_id, p.channel, p.platform_id, p.screen_name, p.name, p.called
FROM {rows}.profiles p
LEFT JOIN contact_history.person k ON k.home = p.handle_id;
COMMENT ON VIEW contact_history.profile IS
    'One row for each place where names of a handle are kept: its own key, or that of a contact it is linked to.';
COMMENT ON COLUMN contact_history.profile.contact_id IS 'the contact, all links and merges followed';

CREATE VIEW contact_history.handle AS
SELECT h.handle_id, k.contact_id,
       coalesce(h.channel, there.channel) AS channel,
       coalesce(there.platform_id, own.platform_id, gone.text) AS platform_id,
       CASE WHEN coalesce(there.profile_id, own.profile_id) IS NULL THEN gone.text
            ELSE coalesce(there.screen_name, own.screen_name) END AS screen_name,
       CASE WHEN coalesce(there.profile_id, own.profile_id) IS NULL THEN gone.text
            ELSE coalesce(there.name, own.name) END AS name,
       coalesce(there.called, own.called, gone.text) AS called,
       h.linked_at, h.how, h.version
FROM {rows}.handles h
LEFT JOIN contact_history.person k ON k.home = h.handle_id
LEFT JOIN {rows}.profiles own ON own.profile_id = h.handle_id || ':p'
LEFT JOIN {rows}.profiles there ON there.profile_id = h.contact_id || ':h:' || h.handle_id
CROSS JOIN LATERAL (SELECT CASE WHEN h.profile_id IS NOT NULL THEN '[erased]' END AS text) gone;
COMMENT ON VIEW contact_history.handle IS
    'One row for each identity of a person on a channel, with its names; null where none were ever known.';
COMMENT ON COLUMN contact_history.handle.contact_id IS 'the contact, all links and merges followed; null: none';

CREATE VIEW contact_history.link AS SELECT * FROM {rows}.links;
COMMENT ON VIEW contact_history.link IS
    'One row for each link of a handle to a contact elsewhere, those that ended included.';

CREATE VIEW contact_history.interaction AS
SELECT i.interaction_id,
       CASE WHEN i.contact_id IS NOT NULL THEN coalesce(k.contact_id, i.contact_id) END AS contact_id,
       i.home, i.handle_id, i.channel, i.account,
       coalesce(there.called, own.called, '[erased]') AS customer,
       i.visibility, i.event, i.thread, i.state, i.state_since, i.queue, i.agent_group, i.kept_for, i.skills, i.priority,
       i.request_id, i.expires_at, i.answer_by, i.agent_id, i.accepted, i.reservation_id, i.accept_by, i.closure,
       i.held_until, i.private_channel, i.invited, i.sessions, i.in_session, i.suggested, i.suggested_item,
       i.engagements, i.automatic_answers, i.opened_at, i.last_activity_at, i.messages_in, i.messages_out,
       i.attachments, i.disposition, i.dispositioned_at, i.follows, i.filter, i.sequence
FROM {rows}.interactions i
LEFT JOIN contact_history.person k ON k.home = i.home
LEFT JOIN {rows}.profiles own ON own.profile_id = i.handle_id || ':p'
LEFT JOIN {rows}.profiles there ON there.profile_id = i.home || ':h:' || i.handle_id;
COMMENT ON VIEW contact_history.interaction IS 'One row for each interaction, as it stands.';
COMMENT ON COLUMN contact_history.interaction.contact_id IS
    'the contact to which its key belongs now; null for one that was ended before a contact was looked up';
COMMENT ON COLUMN contact_history.interaction.customer IS 'the author, as people call them: @screen_name, else the name';

CREATE VIEW contact_history.contact AS
SELECT c.contact_id, c.created_at, c.created_by, c.language, c.blocked, c.opted_out, c.erased_at,
       k.homes, h.handles, coalesce(h.channels, '{}') AS channels, coalesce(h.known_as, '[erased]') AS known_as,
       coalesce(i.interactions, 0) AS interactions,
       coalesce(i.open_interactions, 0) AS open_interactions,
       coalesce(i.messages_in, 0)::bigint AS messages_in,
       coalesce(i.messages_out, 0)::bigint AS messages_out,
       coalesce(i.last_activity_at, c.created_at) AS last_activity_at
FROM {rows}.contacts c
CROSS JOIN LATERAL (
    WITH RECURSIVE mine (home) AS (
        SELECT c.contact_id
        UNION
        SELECT h.handle_id FROM mine JOIN {rows}.handles h ON h.contact_id = mine.home AND h.link_id IS NOT NULL
    )
    SELECT array_agg(mine.home ORDER BY mine.home) AS homes FROM mine
) k
LEFT JOIN LATERAL (
    SELECT count(*) AS handles,
           array_agg(DISTINCT h.channel ORDER BY h.channel) FILTER (WHERE h.channel IS NOT NULL) AS channels,
           string_agg(h.called, ', ' ORDER BY h.linked_at, h.handle_id) AS known_as
    FROM contact_history.handle h
    WHERE h.handle_id = ANY (k.homes)
) h ON true
LEFT JOIN LATERAL (
    SELECT count(*) AS interactions,
           count(*) FILTER (WHERE i.state <> 'dispositioned') AS open_interactions,
           sum(i.messages_in) AS messages_in,
           sum(i.messages_out) AS messages_out,
           max(i.last_activity_at) AS last_activity_at
    FROM {rows}.interactions i
    WHERE i.home = ANY (k.homes) AND i.contact_id IS NOT NULL
) i ON true
WHERE NOT EXISTS (SELECT FROM {rows}.handles own WHERE own.handle_id = c.contact_id AND own.link_id IS NOT NULL);
COMMENT ON VIEW contact_history.contact IS
    'One row for each person, with what is known of them in sum; one that was merged into another is part of that.';
COMMENT ON COLUMN contact_history.contact.homes IS 'the keys of the person''s records: of all handles';
COMMENT ON COLUMN contact_history.contact.handles IS 'how many handles the contact has';
COMMENT ON COLUMN contact_history.contact.channels IS 'the channels of those handles';
COMMENT ON COLUMN contact_history.contact.known_as IS 'what the handles are called, the oldest first';
COMMENT ON COLUMN contact_history.contact.interactions IS 'how many interactions the contact had';
COMMENT ON COLUMN contact_history.contact.open_interactions IS 'how many of them have not ended';

CREATE VIEW contact_history.message AS
SELECT m.message_id, m.interaction_id, i.contact_id,
       CASE WHEN m.channel IS NOT NULL OR m.direction = 'internal' THEN m.channel
            WHEN m.visibility = 'private' AND i.channel = 'facebook' THEN 'messenger'
            ELSE i.channel END AS channel,
       i.account, m.direction, m.kind, m.status, m.author_id,
       CASE m.kind
           WHEN 'message' THEN coalesce(there.called, own.called, '[erased]')
           WHEN 'notice' THEN 'automatic notice'
           WHEN 'answer' THEN 'automatic answer'
           WHEN 'own_post' THEN 'somebody at the account'
           ELSE m.author_id
       END AS author,
       m.visibility, m.event, m.item_id, m.in_reply_to, m.content_id, m.filter, m.sent_at, m.edited_at, m.recorded_at,
       m.sequence, m.changed, coalesce(w.text, '[erased]') AS text, w.exact, w.language, m.attachment_count,
       w.attachments, m.reason, m.detail
FROM {rows}.messages m
JOIN contact_history.interaction i USING (interaction_id)
LEFT JOIN {rows}.words w USING (content_id)
LEFT JOIN {rows}.profiles own ON m.kind = 'message' AND own.profile_id = m.author_id || ':p'
LEFT JOIN {rows}.profiles there ON m.kind = 'message' AND there.profile_id = i.home || ':h:' || m.author_id;
COMMENT ON VIEW contact_history.message IS
    'One row for each message of either direction, and each agent''s note to whoever got it next, with its words.';
COMMENT ON COLUMN contact_history.message.contact_id IS 'the contact to which the interaction''s key belongs now';
COMMENT ON COLUMN contact_history.message.channel IS
    'where it travels: x, facebook or messenger; what is private under a page''s post is in Messenger; null for notes';
COMMENT ON COLUMN contact_history.message.author IS
    'who wrote it: the customer''s name, the agent, something automatic, or somebody on the platform itself';
COMMENT ON COLUMN contact_history.message.text IS
    'the words; [erased] where they were removed, or are not here yet; NUL, which text can''t hold, as its picture U+2400';
COMMENT ON COLUMN contact_history.message.attachments IS
    'its pictures and files, each with kind and url; null: none, or erased';

CREATE VIEW contact_history.sent AS
SELECT split_part(m.interaction_id, '.', 1) AS home, m.sent_at, m.sequence, m.message_id, m.interaction_id, m.direction
FROM {rows}.messages m
JOIN {rows}.interactions i USING (interaction_id)
WHERE i.contact_id IS NOT NULL AND m.direction <> 'internal';
COMMENT ON VIEW contact_history.sent IS
    'One row for each message of either direction: an index has those of a key in the order sent.';
COMMENT ON COLUMN contact_history.sent.home IS 'the key on which its interaction began';

CREATE VIEW contact_history.timeline AS
SELECT contact_id, interaction_id,
       row_number() OVER (PARTITION BY contact_id ORDER BY sent_at, sequence, message_id) AS place,
       sent_at, direction, kind, author, status, text, channel, account, visibility, item_id, in_reply_to, message_id
FROM contact_history.message
WHERE direction <> 'internal';
COMMENT ON VIEW contact_history.timeline IS
    'One row for each message, in the order in which a contact''s messages and our answers were sent.';
COMMENT ON COLUMN contact_history.timeline.place IS '1, 2, 3 … within the contact''s messages of both directions';

CREATE VIEW contact_history.action AS
SELECT a.action_id, a.interaction_id, i.contact_id, i.channel, i.account, a.kind, a.action, a.item_id, a.agent_id,
       a.filter, a.status, a.requested_at, a.done_at, a.sequence, a.changed, a.reason, a.detail
FROM {rows}.actions a
JOIN contact_history.interaction i USING (interaction_id);
COMMENT ON VIEW contact_history.action IS
    'One row for each retweet, like or favourite, and each comment hidden or shown and answer deleted.';
COMMENT ON COLUMN contact_history.action.contact_id IS 'the contact to which the interaction''s key belongs now';

CREATE VIEW contact_history.words AS
SELECT content_id, text, exact, language, attachments, salt FROM {rows}.words;
COMMENT ON VIEW contact_history.words IS 'One row for each text that is kept, notes of agents included.';

CREATE VIEW contact_history.searched AS
SELECT content_id,
       CASE split_part(content_id, ':', 2) WHEN 'r' THEN split_part(content_id, ':', 3) ELSE content_id END AS message_id,
       to_tsvector('simple', searched) AS lexemes
FROM {rows}.words;
COMMENT ON VIEW contact_history.searched IS
    'One row for each text that is kept, with its words: an index finds lexemes @@ websearch_to_tsquery(''simple'', …).';
COMMENT ON COLUMN contact_history.searched.message_id IS 'the message or note to which it belongs, if that has come';
COMMENT ON COLUMN contact_history.searched.lexemes IS 'the words of its first 50,000 characters, in one case and in their places';
