SELECT message_id, interaction_id, sent_at, sequence FROM contact_history.sent WHERE message_id = %(message)s
