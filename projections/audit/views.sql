-- The views of the audit trail. {rows} is the schema of the tables of the current version.
-- A column that has no comment here takes that of the table's column of the same name.
COMMENT ON SCHEMA audit IS 'Every event of the log, with its position, its envelope and its chain.';

CREATE VIEW audit.event AS
SELECT topic, partition, record_offset, key, sequence, event_type, interaction_id, contact_id, state, occurred_at,
       decided_at, actor_kind, actor_id, policy_version, facts, event_id, input_topic, input_partition, input_offset,
       causation_id, correlation_id, schema_id, digest, previous
FROM {rows}.events;
COMMENT ON VIEW audit.event IS 'One row for each event of the log.';

CREATE VIEW audit.trail AS
SELECT interaction_id, occurred_at, sequence, event_type,
       lag(state) OVER (PARTITION BY topic, interaction_id ORDER BY sequence) AS state_before,
       state, actor_kind, actor_id, policy_version, facts, topic, partition, record_offset, event_id, causation_id,
       correlation_id, digest
FROM {rows}.events
WHERE interaction_id IS NOT NULL;
COMMENT ON VIEW audit.trail IS 'One row for each event of an interaction, from the first message to the disposition.';
COMMENT ON COLUMN audit.trail.state_before IS 'the interaction''s state before it; null for the first event';

CREATE VIEW audit.chain_fault AS
SELECT topic, partition, record_offset, key, sequence,
       CASE WHEN sequence <> coalesce(sequence_before, 0) + 1
            THEN 'sequence ' || sequence || ' follows ' || coalesce(sequence_before, 0)
            ELSE 'event ' || sequence || ' names another event before it than the one that is there' END AS reason
FROM (
    SELECT topic, partition, record_offset, key, sequence, previous,
           lag(sequence) OVER chain AS sequence_before,
           lag(digest) OVER chain AS digest_before
    FROM {rows}.events
    WINDOW chain AS (PARTITION BY topic, key ORDER BY record_offset)
) links
WHERE sequence <> coalesce(sequence_before, 0) + 1
   OR previous <> coalesce(digest_before, sha256('rejoinder chain 1'::bytea || '\x00'::bytea || convert_to(key, 'UTF8')));
COMMENT ON VIEW audit.chain_fault IS
    'One row for each place where the chain of a key does not hold; none where nothing was changed, removed or moved.';
COMMENT ON COLUMN audit.chain_fault.reason IS 'what is wrong there';
