-- The views of the contact history. {rows} is the schema of the tables of the current version.
-- A column that has no comment here takes that of the table's column of the same name.
COMMENT ON SCHEMA contact_history IS
    'Who wrote to us, about what, and what was answered. Words and names that were erased read as [erased].';

CREATE VIEW contact_history.profile AS
SELECT p.handle_id, h.contact_id, p.channel, p.platform_id, p.screen_name, p.name
FROM {rows}.profiles p
LEFT JOIN {rows}.handles h USING (handle_id);
COMMENT ON VIEW contact_history.profile IS 'One row for each handle whose names are kept.';

CREATE VIEW contact_history.handle AS
SELECT h.handle_id, h.contact_id, h.channel,
       coalesce(p.platform_id, '[erased]') AS platform_id,
       CASE WHEN p.handle_id IS NULL THEN '[erased]' ELSE p.screen_name END AS screen_name,
       CASE WHEN p.handle_id IS NULL THEN '[erased]' ELSE p.name END AS name,
       h.linked_at
FROM {rows}.handles h
LEFT JOIN {rows}.profiles p USING (handle_id);
COMMENT ON VIEW contact_history.handle IS 'One row for each identity of a contact on a channel, with its names.';

CREATE VIEW contact_history.interaction AS
SELECT i.interaction_id, i.contact_id, i.handle_id, i.channel, i.account,
       CASE WHEN p.handle_id IS NULL THEN '[erased]'
            ELSE coalesce('@' || p.screen_name, p.name, p.platform_id) END AS customer,
       i.visibility, i.state, i.state_since, i.queue, i.priority, i.agent_id, i.accepted, i.closure, i.held_until,
       i.opened_at, i.last_activity_at, i.messages_in, i.messages_out, i.disposition, i.dispositioned_at, i.follows,
       i.filter, i.sequence
FROM {rows}.interactions i
LEFT JOIN {rows}.profiles p USING (handle_id);
COMMENT ON VIEW contact_history.interaction IS 'One row for each interaction, as it stands.';
COMMENT ON COLUMN contact_history.interaction.customer IS 'the author, as people call them: @screen_name, else the name';

CREATE VIEW contact_history.contact AS
SELECT c.contact_id, c.created_at, h.handles, h.channels, h.known_as,
       coalesce(i.interactions, 0) AS interactions,
       coalesce(i.open_interactions, 0) AS open_interactions,
       coalesce(i.messages_in, 0)::bigint AS messages_in,
       coalesce(i.messages_out, 0)::bigint AS messages_out,
       coalesce(i.last_activity_at, c.created_at) AS last_activity_at
FROM {rows}.contacts c
LEFT JOIN LATERAL (
    SELECT count(*) AS handles,
           array_agg(DISTINCT h.channel ORDER BY h.channel) AS channels,
           string_agg(CASE WHEN p.handle_id IS NULL THEN '[erased]'
                           ELSE coalesce('@' || p.screen_name, p.name, p.platform_id) END,
                      ', ' ORDER BY h.linked_at, h.handle_id) AS known_as
    FROM {rows}.handles h LEFT JOIN {rows}.profiles p USING (handle_id)
    WHERE h.contact_id = c.contact_id
) h ON true
LEFT JOIN LATERAL (
    SELECT count(*) AS interactions,
           count(*) FILTER (WHERE i.state <> 'dispositioned') AS open_interactions,
           sum(i.messages_in) AS messages_in,
           sum(i.messages_out) AS messages_out,
           max(i.last_activity_at) AS last_activity_at
    FROM {rows}.interactions i
    WHERE i.contact_id = c.contact_id
) i ON true;
COMMENT ON VIEW contact_history.contact IS 'One row for each person, with what is known of them in sum.';
COMMENT ON COLUMN contact_history.contact.handles IS 'how many handles the contact has';
COMMENT ON COLUMN contact_history.contact.channels IS 'the channels of those handles';
COMMENT ON COLUMN contact_history.contact.known_as IS 'what the handles are called, the oldest first';
COMMENT ON COLUMN contact_history.contact.interactions IS 'how many interactions the contact had';
COMMENT ON COLUMN contact_history.contact.open_interactions IS 'how many of them have not ended';

CREATE VIEW contact_history.message AS
SELECT m.message_id, m.interaction_id, i.contact_id, i.channel, i.account, m.direction, m.kind, m.status, m.author_id,
       CASE m.kind
           WHEN 'message' THEN CASE WHEN p.handle_id IS NULL THEN '[erased]'
                                    ELSE coalesce('@' || p.screen_name, p.name, p.platform_id) END
           WHEN 'reply' THEN m.author_id
           WHEN 'notice' THEN 'automatic notice'
           ELSE 'somebody at the account'
       END AS author,
       m.visibility, m.item_id, m.in_reply_to, m.content_id, m.sent_at, m.recorded_at, m.sequence,
       coalesce(w.text, '[erased]') AS text, w.exact AS exact, w.language, m.reason, m.detail
FROM {rows}.messages m
JOIN {rows}.interactions i USING (interaction_id)
LEFT JOIN {rows}.words w USING (content_id)
LEFT JOIN {rows}.profiles p ON m.kind = 'message' AND p.handle_id = m.author_id;
COMMENT ON VIEW contact_history.message IS 'One row for each message of either direction, with its words.';
COMMENT ON COLUMN contact_history.message.author IS
    'who wrote it: the customer''s name, the agent, an automatic notice, or somebody on the platform itself';
COMMENT ON COLUMN contact_history.message.text IS
    'the words; [erased] where they were removed; NUL, which text can''t hold, as its picture U+2400';

CREATE VIEW contact_history.timeline AS
SELECT contact_id, interaction_id,
       row_number() OVER (PARTITION BY contact_id ORDER BY sent_at, sequence, message_id) AS place,
       sent_at, direction, kind, author, status, text, channel, account, visibility, item_id, in_reply_to, message_id
FROM contact_history.message;
COMMENT ON VIEW contact_history.timeline IS
    'One row for each message, in the order in which a contact''s messages and our answers were sent.';
COMMENT ON COLUMN contact_history.timeline.place IS '1, 2, 3 … within the contact''s messages of both directions';
COMMENT ON COLUMN contact_history.timeline.author IS
    'who wrote it: the customer''s name, the agent, an automatic notice, or somebody on the platform itself';
COMMENT ON COLUMN contact_history.timeline.text IS
    'the words; [erased] where they were removed; NUL, which text can''t hold, as its picture U+2400';

CREATE VIEW contact_history.words AS
SELECT content_id, text, exact, language FROM {rows}.words;
COMMENT ON VIEW contact_history.words IS 'One row for each text that is kept, notes of agents included.';
