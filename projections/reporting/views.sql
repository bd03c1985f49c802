-- The views of the star schema. {rows} is the schema of the tables of the current version.
-- A column that has no comment here takes that of the table's column of the same name. All times are UTC.
COMMENT ON SCHEMA reporting IS 'A star schema: facts with one grain each, dimensions, and views by interval.';

CREATE VIEW reporting.fct_interaction AS
SELECT f.*,
       CASE WHEN f.filtered THEN 'filtered'
            WHEN f.first_response_at IS NOT NULL THEN 'answered'
            WHEN f.disposition IS NULL THEN 'open'
            WHEN f.disposition IN ('withdrawn', 'expired') THEN f.disposition
            WHEN f.dispositioned_by IS NULL THEN 'closed_automatically'
            ELSE 'closed_unanswered' END AS outcome,
       extract(epoch FROM f.dispositioned_at - f.opened_at)::double precision AS handling_seconds
FROM {rows}.fct_interaction f;
COMMENT ON VIEW reporting.fct_interaction IS 'One row for each interaction, as it stands.';
COMMENT ON COLUMN reporting.fct_interaction.outcome IS
    'what it counts as: filtered (not offered), answered, withdrawn (deleted before an answer), expired, closed_automatically, closed_unanswered, or open';
COMMENT ON COLUMN reporting.fct_interaction.handling_seconds IS 'from opened_at to dispositioned_at; null while it is open';

CREATE VIEW reporting.fct_transition AS SELECT * FROM {rows}.fct_transition;
COMMENT ON VIEW reporting.fct_transition IS
    'One row for each transition of an interaction, one that leads back to the same state included.';

CREATE VIEW reporting.fct_delivery AS SELECT * FROM {rows}.fct_delivery;
COMMENT ON VIEW reporting.fct_delivery IS 'One row for each answer or notice that was to be posted through us.';

CREATE VIEW reporting.fct_agent_state AS
SELECT s.agent_id, s.pool, s.sequence, s.state, s.why, s.at,
       lead(s.at) OVER agent AS until,
       extract(epoch FROM lead(s.at) OVER agent - s.at)::double precision AS seconds
FROM {rows}.fct_agent_state s
WINDOW agent AS (PARTITION BY s.pool, s.agent_id ORDER BY s.sequence);
COMMENT ON VIEW reporting.fct_agent_state IS 'One row for each time that an agent came, paused or went.';
COMMENT ON COLUMN reporting.fct_agent_state.until IS 'when the agent''s state changed again; null: it holds still';
COMMENT ON COLUMN reporting.fct_agent_state.seconds IS 'how long it held; null: it holds still';

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

CREATE VIEW reporting.by_quarter_hour AS
SELECT date_bin('15 minutes', opened_at, timestamptz '1970-01-01 00:00:00+00') AS interval_start,
       account_key, channel, queue,
       count(*) FILTER (WHERE outcome <> 'filtered') AS offered,
       count(*) FILTER (WHERE outcome = 'answered') AS answered,
       count(*) FILTER (WHERE outcome = 'closed_automatically') AS closed_automatically,
       count(*) FILTER (WHERE outcome = 'withdrawn') AS withdrawn,
       count(*) FILTER (WHERE outcome = 'expired') AS expired,
       count(*) FILTER (WHERE outcome = 'closed_unanswered') AS closed_unanswered,
       count(*) FILTER (WHERE outcome = 'open') AS unanswered_open,
       count(*) FILTER (WHERE outcome = 'filtered') AS filtered,
       sum(messages_in)::bigint AS messages_in,
       sum(messages_out)::bigint AS messages_out,
       sum(notices_posted)::bigint AS notices_posted,
       sum(transfers)::bigint AS transfers,
       sum(offers_expired)::bigint AS offers_expired,
       count(first_response_seconds) AS first_responses,
       sum(first_response_seconds) AS first_response_seconds_sum,
       avg(first_response_seconds) AS first_response_seconds_avg,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY first_response_seconds) AS first_response_seconds_p50,
       percentile_cont(0.9) WITHIN GROUP (ORDER BY first_response_seconds) AS first_response_seconds_p90
FROM reporting.fct_interaction
GROUP BY 1, 2, 3, 4;
COMMENT ON VIEW reporting.by_quarter_hour IS
    'One row for each interval of 15 minutes (UTC) in which interactions were opened, by account and queue.';
COMMENT ON COLUMN reporting.by_quarter_hour.interval_start IS 'when the interval begins';
COMMENT ON COLUMN reporting.by_quarter_hour.offered IS
    'interactions opened in it, filtered ones apart: answered + closed_automatically + withdrawn + expired + closed_unanswered + unanswered_open';
COMMENT ON COLUMN reporting.by_quarter_hour.answered IS 'those of them that a person answered, at any time';
COMMENT ON COLUMN reporting.by_quarter_hour.closed_automatically IS 'those that a rule ended without an answer';
COMMENT ON COLUMN reporting.by_quarter_hour.withdrawn IS 'those that the customer deleted before an answer';
COMMENT ON COLUMN reporting.by_quarter_hour.expired IS 'those that waited too long';
COMMENT ON COLUMN reporting.by_quarter_hour.closed_unanswered IS 'those that an agent ended without an answer';
COMMENT ON COLUMN reporting.by_quarter_hour.unanswered_open IS 'those that wait for an answer still';
COMMENT ON COLUMN reporting.by_quarter_hour.filtered IS 'interactions that a filter ended; not offered';
COMMENT ON COLUMN reporting.by_quarter_hour.first_responses IS 'how many of them have a first response';
COMMENT ON COLUMN reporting.by_quarter_hour.first_response_seconds_sum IS 'the sum of their first response times';
COMMENT ON COLUMN reporting.by_quarter_hour.first_response_seconds_avg IS 'the mean of their first response times';
COMMENT ON COLUMN reporting.by_quarter_hour.first_response_seconds_p50 IS 'the median of their first response times, interpolated';
COMMENT ON COLUMN reporting.by_quarter_hour.first_response_seconds_p90 IS 'the 90th percentile of their first response times, interpolated';

CREATE VIEW reporting.by_day AS
SELECT date_bin('1 day', opened_at, timestamptz '1970-01-01 00:00:00+00') AS interval_start,
       account_key, channel, queue,
       count(*) FILTER (WHERE outcome <> 'filtered') AS offered,
       count(*) FILTER (WHERE outcome = 'answered') AS answered,
       count(*) FILTER (WHERE outcome = 'closed_automatically') AS closed_automatically,
       count(*) FILTER (WHERE outcome = 'withdrawn') AS withdrawn,
       count(*) FILTER (WHERE outcome = 'expired') AS expired,
       count(*) FILTER (WHERE outcome = 'closed_unanswered') AS closed_unanswered,
       count(*) FILTER (WHERE outcome = 'open') AS unanswered_open,
       count(*) FILTER (WHERE outcome = 'filtered') AS filtered,
       sum(messages_in)::bigint AS messages_in,
       sum(messages_out)::bigint AS messages_out,
       sum(notices_posted)::bigint AS notices_posted,
       sum(transfers)::bigint AS transfers,
       sum(offers_expired)::bigint AS offers_expired,
       count(first_response_seconds) AS first_responses,
       sum(first_response_seconds) AS first_response_seconds_sum,
       avg(first_response_seconds) AS first_response_seconds_avg,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY first_response_seconds) AS first_response_seconds_p50,
       percentile_cont(0.9) WITHIN GROUP (ORDER BY first_response_seconds) AS first_response_seconds_p90
FROM reporting.fct_interaction
GROUP BY 1, 2, 3, 4;
COMMENT ON VIEW reporting.by_day IS
    'One row for each interval of 1 day (UTC) in which interactions were opened, by account and queue.';
COMMENT ON COLUMN reporting.by_day.interval_start IS 'when the interval begins';
COMMENT ON COLUMN reporting.by_day.offered IS
    'interactions opened in it, filtered ones apart: answered + closed_automatically + withdrawn + expired + closed_unanswered + unanswered_open';
COMMENT ON COLUMN reporting.by_day.answered IS 'those of them that a person answered, at any time';
COMMENT ON COLUMN reporting.by_day.closed_automatically IS 'those that a rule ended without an answer';
COMMENT ON COLUMN reporting.by_day.withdrawn IS 'those that the customer deleted before an answer';
COMMENT ON COLUMN reporting.by_day.expired IS 'those that waited too long';
COMMENT ON COLUMN reporting.by_day.closed_unanswered IS 'those that an agent ended without an answer';
COMMENT ON COLUMN reporting.by_day.unanswered_open IS 'those that wait for an answer still';
COMMENT ON COLUMN reporting.by_day.filtered IS 'interactions that a filter ended; not offered';
COMMENT ON COLUMN reporting.by_day.first_responses IS 'how many of them have a first response';
COMMENT ON COLUMN reporting.by_day.first_response_seconds_sum IS 'the sum of their first response times';
COMMENT ON COLUMN reporting.by_day.first_response_seconds_avg IS 'the mean of their first response times';
COMMENT ON COLUMN reporting.by_day.first_response_seconds_p50 IS 'the median of their first response times, interpolated';
COMMENT ON COLUMN reporting.by_day.first_response_seconds_p90 IS 'the 90th percentile of their first response times, interpolated';
