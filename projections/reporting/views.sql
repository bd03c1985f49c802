-- The views of the star schema. {rows} is the schema of the tables of the current version.
-- A column that has no comment here takes that of the table's column of the same name. All times are UTC.
-- The views by interval follow from the measures, see views.py.
COMMENT ON SCHEMA reporting IS 'A star schema: facts with one grain each, dimensions, and views by interval.';

CREATE VIEW reporting.fct_interaction AS
SELECT f.*,
       CASE WHEN f.outcome IN ('filtered', 'closed_automatically', 'withdrawn') THEN NULL
            WHEN f.first_response_at <= f.answer_by THEN 'met'
            WHEN f.outcome = 'open' AND f.answer_by > now() THEN 'running'
            WHEN f.answer_by IS NOT NULL THEN 'missed' END AS target,
       extract(epoch FROM f.dispositioned_at - f.first_message_at)::double precision AS resolution_seconds
FROM (
    SELECT r.*,
           CASE WHEN r.filtered THEN 'filtered'
                WHEN r.first_response_at IS NOT NULL THEN 'answered'
                WHEN r.disposition IS NULL THEN 'open'
                WHEN r.disposition IN ('withdrawn', 'expired') THEN r.disposition
                WHEN r.dispositioned_by IS NULL THEN 'closed_automatically'
                WHEN r.retweets + r.likes + r.favourites > 0 THEN 'engaged_only'
                ELSE 'closed_unanswered' END AS outcome
    FROM {rows}.fct_interaction r
) f;
COMMENT ON VIEW reporting.fct_interaction IS 'One row for each interaction, as it stands.';
COMMENT ON COLUMN reporting.fct_interaction.outcome IS
    'what it counts as: filtered (not offered), answered (by a person), withdrawn (deleted before an answer), expired, closed_automatically (by a rule, also one that answered or liked), engaged_only (retweeted or liked, and ended by an agent), closed_unanswered, or open';
COMMENT ON COLUMN reporting.fct_interaction.target IS
    'whether its first answer came by answer_by: met, missed or running (open, and there is time yet); null where it does not count: there is no target, or it was filtered, withdrawn or closed automatically';
COMMENT ON COLUMN reporting.fct_interaction.resolution_seconds IS
    'from first_message_at to dispositioned_at; null while it is open';

CREATE VIEW reporting.fct_turn AS
SELECT t.*, split_part(t.account_key, ':', 1) AS channel FROM {rows}.fct_turn t;
COMMENT ON VIEW reporting.fct_turn IS
    'One row for each turn of an interaction: its wait for an agent, and the time for which that agent had it.';

CREATE VIEW reporting.fct_transition AS
SELECT t.*, split_part(t.account_key, ':', 1) AS channel FROM {rows}.fct_transition t;
COMMENT ON VIEW reporting.fct_transition IS
    'One row for each transition of an interaction, one that leads back to the same state included.';

CREATE VIEW reporting.fct_delivery AS
SELECT d.*, split_part(d.account_key, ':', 1) AS channel FROM {rows}.fct_delivery d;
COMMENT ON VIEW reporting.fct_delivery IS
    'One row for each answer, notice, engagement or moderation that was to be made on a platform through us.';

CREATE VIEW reporting.fct_agent_state AS
SELECT s.agent_id, s.pool, s.sequence, s.state, s.why, s.at,
       lead(s.at) OVER agent AS until,
       extract(epoch FROM lead(s.at) OVER agent - s.at)::double precision AS seconds
FROM {rows}.fct_agent_state s
WINDOW agent AS (PARTITION BY s.pool, s.agent_id ORDER BY s.sequence);
COMMENT ON VIEW reporting.fct_agent_state IS 'One row for each time that an agent came, paused or went.';
COMMENT ON COLUMN reporting.fct_agent_state.until IS 'when the agent''s state changed again; null: it holds still';
COMMENT ON COLUMN reporting.fct_agent_state.seconds IS 'how long it held; null: it holds still';

CREATE VIEW reporting.fct_agent_time AS
WITH change AS (
    SELECT agent_id, at, 0 AS began, state, pool, sequence FROM {rows}.fct_agent_state
    UNION ALL
    SELECT agent_id, accepted_at, 1, NULL, NULL, NULL FROM {rows}.fct_turn WHERE accepted_at IS NOT NULL
    UNION ALL
    SELECT agent_id, ended_at, -1, NULL, NULL, NULL FROM {rows}.fct_turn
    WHERE accepted_at IS NOT NULL AND ended_at IS NOT NULL
), instant AS (
    SELECT agent_id, at, sum(began) AS began, max(sequence) AS sequence,
           (array_agg(state ORDER BY sequence DESC NULLS LAST))[1] AS state,
           (array_agg(pool ORDER BY sequence DESC NULLS LAST))[1] AS pool
    FROM change
    GROUP BY agent_id, at
), stretch AS (
    SELECT agent_id, at, lead(at) OVER agent AS until, sum(began) OVER agent AS begun, state, pool, sequence,
           count(state) OVER agent AS states
    FROM instant
    WINDOW agent AS (PARTITION BY agent_id ORDER BY at)
), known AS (
    SELECT agent_id, at, until, greatest(begun, 0)::bigint AS interactions,
           coalesce(first_value(state) OVER held, 'unknown') AS state,
           first_value(pool) OVER held AS pool, first_value(sequence) OVER held AS state_sequence
    FROM stretch
    WINDOW held AS (PARTITION BY agent_id, states ORDER BY at)
), latest AS (
    SELECT max(at) AS at
    FROM (SELECT max(at) AS at FROM change UNION ALL SELECT max(state_since) FROM {rows}.fct_interaction) e
)
SELECT k.agent_id, k.pool, k.state, k.interactions, k.at, coalesce(k.until, latest.at) AS until,
       extract(epoch FROM coalesce(k.until, latest.at) - k.at)::double precision AS seconds, k.state_sequence
FROM known k CROSS JOIN latest
WHERE coalesce(k.until, latest.at) > k.at;
COMMENT ON VIEW reporting.fct_agent_time IS
    'One row for each stretch of an agent''s time in which neither the state nor the number of interactions changed.';
COMMENT ON COLUMN reporting.fct_agent_time.pool IS 'the pool to which the agent belongs';
COMMENT ON COLUMN reporting.fct_agent_time.state IS 'ready, away or offline; unknown before the agent''s first';
COMMENT ON COLUMN reporting.fct_agent_time.interactions IS 'how many the agent had accepted or taken, and had still';
COMMENT ON COLUMN reporting.fct_agent_time.at IS 'when it began';
COMMENT ON COLUMN reporting.fct_agent_time.until IS
    'when it ended; of the last, which goes on: the time of the latest event that there is';
COMMENT ON COLUMN reporting.fct_agent_time.seconds IS 'how long it lasted';
COMMENT ON COLUMN reporting.fct_agent_time.state_sequence IS
    'of the event in the pool that told the state, see fct_agent_state';

CREATE VIEW reporting.dim_account AS SELECT * FROM {rows}.dim_account;
COMMENT ON VIEW reporting.dim_account IS 'One row for each account of the company that received anything.';

CREATE VIEW reporting.dim_queue AS SELECT * FROM {rows}.dim_queue;
COMMENT ON VIEW reporting.dim_queue IS 'One row for each queue in which anything waited.';

CREATE VIEW reporting.dim_agent AS SELECT * FROM {rows}.dim_agent;
COMMENT ON VIEW reporting.dim_agent IS 'One row for each agent who was registered or had an interaction.';

CREATE VIEW reporting.dim_date AS
SELECT day::date AS date,
       extract(year FROM day)::integer AS year,
       extract(quarter FROM day)::integer AS quarter,
       extract(month FROM day)::integer AS month,
       extract(isoyear FROM day)::integer AS week_year,
       extract(week FROM day)::integer AS week,
       extract(isodow FROM day)::integer AS weekday,
       trim(to_char(day, 'Day')) AS weekday_name
FROM (SELECT min(opened_at) AT TIME ZONE 'UTC' AS first,
             max(greatest(opened_at, dispositioned_at, state_since)) AT TIME ZONE 'UTC' AS last
      FROM {rows}.fct_interaction) span,
     generate_series(date_trunc('day', span.first), date_trunc('day', span.last), interval '1 day') AS day;
COMMENT ON VIEW reporting.dim_date IS 'One row for each day from the first interaction to the latest transition, UTC.';
COMMENT ON COLUMN reporting.dim_date.date IS 'the day';
COMMENT ON COLUMN reporting.dim_date.year IS 'the year';
COMMENT ON COLUMN reporting.dim_date.quarter IS '1 to 4';
COMMENT ON COLUMN reporting.dim_date.month IS '1 to 12';
COMMENT ON COLUMN reporting.dim_date.week_year IS 'the year to which the week belongs, ISO 8601';
COMMENT ON COLUMN reporting.dim_date.week IS 'the week, ISO 8601';
COMMENT ON COLUMN reporting.dim_date.weekday IS '1 (Monday) to 7';
COMMENT ON COLUMN reporting.dim_date.weekday_name IS 'in English';

CREATE VIEW reporting.dim_time AS
SELECT (time '00:00' + quarter * interval '15 minutes') AS quarter_hour,
       quarter / 4 AS hour,
       to_char(time '00:00' + quarter * interval '15 minutes', 'HH24:MI') AS label
FROM generate_series(0, 95) AS quarter;
COMMENT ON VIEW reporting.dim_time IS 'One row for each quarter of an hour of a day.';
COMMENT ON COLUMN reporting.dim_time.quarter_hour IS 'when it begins';
COMMENT ON COLUMN reporting.dim_time.hour IS 'its hour, 0 to 23';
COMMENT ON COLUMN reporting.dim_time.label IS 'when it begins, as 13:45';

CREATE VIEW reporting.dim_interval AS
SELECT *
FROM (VALUES ('quarter_hour', interval '15 minutes'), ('hour', interval '1 hour'), ('day', interval '1 day')) AS w (width, span);
COMMENT ON VIEW reporting.dim_interval IS 'One row for each width of the intervals in which things are counted.';
COMMENT ON COLUMN reporting.dim_interval.width IS 'how wide the intervals are: quarter_hour, hour or day';
COMMENT ON COLUMN reporting.dim_interval.span IS 'the same as an interval of time';
