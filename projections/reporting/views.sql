-- The views of the star schema. {rows} is the schema of the tables of the current version.
-- A column that has no comment here takes that of the table's column of the same name. All times are UTC.
COMMENT ON SCHEMA reporting IS 'A star schema: facts with one grain each, dimensions, and views by interval.';

CREATE VIEW reporting.fct_interaction AS
SELECT f.*,
       CASE WHEN f.outcome IN ('filtered', 'closed_automatically', 'withdrawn') THEN NULL
            WHEN f.first_response_at <= f.answer_by THEN 'met'
            WHEN f.outcome = 'open' AND f.answer_by > now() THEN 'running'
            WHEN f.answer_by IS NOT NULL THEN 'missed' END AS target,
       extract(epoch FROM f.dispositioned_at - f.opened_at)::double precision AS handling_seconds
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
COMMENT ON COLUMN reporting.fct_interaction.handling_seconds IS 'from opened_at to dispositioned_at; null while it is open';

CREATE VIEW reporting.fct_transition AS SELECT * FROM {rows}.fct_transition;
COMMENT ON VIEW reporting.fct_transition IS
    'One row for each transition of an interaction, one that leads back to the same state included.';

CREATE VIEW reporting.fct_delivery AS SELECT * FROM {rows}.fct_delivery;
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
SELECT * FROM (VALUES ('quarter_hour', interval '15 minutes'), ('day', interval '1 day')) AS w (width, span);
COMMENT ON VIEW reporting.dim_interval IS 'One row for each width of the intervals in which things are counted.';
COMMENT ON COLUMN reporting.dim_interval.width IS 'how wide the intervals are: quarter_hour or day';
COMMENT ON COLUMN reporting.dim_interval.span IS 'the same as an interval of time';

CREATE VIEW reporting.by_interval AS
SELECT w.width,
       date_bin(w.span, f.opened_at, timestamptz '1970-01-01 00:00:00+00') AS interval_start,
       f.account_key, f.channel, f.queue,
       count(*) FILTER (WHERE f.outcome <> 'filtered') AS offered,
       count(*) FILTER (WHERE f.outcome = 'answered') AS answered,
       count(*) FILTER (WHERE f.outcome = 'engaged_only') AS engaged_only,
       count(*) FILTER (WHERE f.outcome = 'closed_automatically') AS closed_automatically,
       count(*) FILTER (WHERE f.outcome = 'withdrawn') AS withdrawn,
       count(*) FILTER (WHERE f.outcome = 'expired') AS expired,
       count(*) FILTER (WHERE f.outcome = 'closed_unanswered') AS closed_unanswered,
       count(*) FILTER (WHERE f.outcome = 'open') AS unanswered_open,
       count(*) FILTER (WHERE f.outcome = 'filtered') AS filtered,
       sum(f.messages_in)::bigint AS messages_in,
       sum(f.messages_out)::bigint AS messages_out,
       sum(f.notices_posted)::bigint AS notices_posted,
       sum(f.answers_posted)::bigint AS answers_posted,
       sum(f.automatic_withheld)::bigint AS automatic_withheld,
       sum(f.retweets)::bigint AS retweets,
       sum(f.likes)::bigint AS likes,
       sum(f.favourites)::bigint AS favourites,
       sum(f.engagements_automatic)::bigint AS engagements_automatic,
       sum(f.replies_failed + f.replies_abandoned + f.notices_failed + f.answers_failed + f.engagements_failed
           + f.moderations_failed)::bigint AS deliveries_failed,
       count(f.moved_to_private_at) AS moved_to_private,
       sum(f.sessions)::bigint AS sessions,
       sum(f.transfers)::bigint AS transfers,
       sum(f.transfers_to_group)::bigint AS transfers_to_group,
       sum(f.offers_expired)::bigint AS offers_expired,
       count(*) FILTER (WHERE f.target = 'met') AS target_met,
       count(*) FILTER (WHERE f.target = 'missed') AS target_missed,
       count(*) FILTER (WHERE f.target = 'running') AS target_running,
       count(*) FILTER (WHERE f.target = 'met')::double precision
           / nullif(count(*) FILTER (WHERE f.target IN ('met', 'missed')), 0) AS service_level,
       count(f.first_response_seconds) AS first_responses,
       sum(f.first_response_seconds) AS first_response_seconds_sum,
       avg(f.first_response_seconds) AS first_response_seconds_avg,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY f.first_response_seconds) AS first_response_seconds_p50,
       percentile_cont(0.9) WITHIN GROUP (ORDER BY f.first_response_seconds) AS first_response_seconds_p90
FROM reporting.dim_interval w
CROSS JOIN reporting.fct_interaction f
GROUP BY 1, 2, 3, 4, 5;
COMMENT ON VIEW reporting.by_interval IS
    'One row for each interval (UTC) of each width in which interactions were opened, by account and queue.';
COMMENT ON COLUMN reporting.by_interval.interval_start IS 'when the interval begins';
COMMENT ON COLUMN reporting.by_interval.offered IS
    'interactions opened in it, filtered ones apart: answered + engaged_only + closed_automatically + withdrawn + expired + closed_unanswered + unanswered_open';
COMMENT ON COLUMN reporting.by_interval.answered IS 'those of them that a person answered, at any time';
COMMENT ON COLUMN reporting.by_interval.engaged_only IS 'those that were retweeted or liked, and ended by an agent without an answer';
COMMENT ON COLUMN reporting.by_interval.closed_automatically IS
    'those that a rule ended and no person answered; it may have answered or liked';
COMMENT ON COLUMN reporting.by_interval.withdrawn IS 'those that the customer deleted before an answer';
COMMENT ON COLUMN reporting.by_interval.expired IS 'those that waited too long';
COMMENT ON COLUMN reporting.by_interval.closed_unanswered IS 'those that an agent ended without an answer';
COMMENT ON COLUMN reporting.by_interval.unanswered_open IS 'those that wait for an answer still';
COMMENT ON COLUMN reporting.by_interval.filtered IS 'interactions that a filter ended; not offered';
COMMENT ON COLUMN reporting.by_interval.deliveries_failed IS
    'answers, notices, automatic answers, engagements and moderations that were refused or given up';
COMMENT ON COLUMN reporting.by_interval.moved_to_private IS 'interactions whose customer was asked to go on in private';
COMMENT ON COLUMN reporting.by_interval.target_met IS 'interactions whose first answer came by the queue''s target';
COMMENT ON COLUMN reporting.by_interval.target_missed IS 'those where it came later, or never';
COMMENT ON COLUMN reporting.by_interval.target_running IS 'those that are open, and there is time yet';
COMMENT ON COLUMN reporting.by_interval.service_level IS
    'target_met / (target_met + target_missed): answered in target / (offered - closed automatically - withdrawn - open within target), of those whose queue has a target; null where there are none. Sum the two before you divide over several rows';
COMMENT ON COLUMN reporting.by_interval.first_responses IS 'how many of them have a first response';
COMMENT ON COLUMN reporting.by_interval.first_response_seconds_sum IS 'the sum of their first response times';
COMMENT ON COLUMN reporting.by_interval.first_response_seconds_avg IS 'the mean of their first response times';
COMMENT ON COLUMN reporting.by_interval.first_response_seconds_p50 IS 'the median of their first response times, interpolated';
COMMENT ON COLUMN reporting.by_interval.first_response_seconds_p90 IS 'the 90th percentile of their first response times, interpolated';

CREATE VIEW reporting.by_quarter_hour AS SELECT * FROM reporting.by_interval WHERE width = 'quarter_hour';
COMMENT ON VIEW reporting.by_quarter_hour IS
    'One row for each interval of 15 minutes (UTC) in which interactions were opened, by account and queue; see by_interval.';

CREATE VIEW reporting.by_day AS SELECT * FROM reporting.by_interval WHERE width = 'day';
COMMENT ON VIEW reporting.by_day IS
    'One row for each interval of 1 day (UTC) in which interactions were opened, by account and queue; see by_interval.';

CREATE VIEW reporting.service_level AS
SELECT interval_start, queue,
       sum(target_met)::bigint AS target_met,
       sum(target_missed)::bigint AS target_missed,
       sum(target_running)::bigint AS target_running,
       sum(target_met)::double precision / nullif(sum(target_met + target_missed), 0)::double precision AS service_level
FROM reporting.by_day
WHERE queue IS NOT NULL
GROUP BY 1, 2;
COMMENT ON VIEW reporting.service_level IS 'One row for each day (UTC) in which interactions were opened, and each queue.';

CREATE VIEW reporting.by_disposition AS
SELECT w.width,
       date_bin(w.span, f.dispositioned_at, timestamptz '1970-01-01 00:00:00+00') AS interval_start,
       f.account_key, f.channel, f.queue, f.disposition, f.dispositioned_by, f.ended_by, f.outcome,
       count(*) AS interactions,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY f.handling_seconds) AS handling_seconds_p50
FROM reporting.dim_interval w
CROSS JOIN reporting.fct_interaction f
WHERE f.disposition IS NOT NULL
GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9;
COMMENT ON VIEW reporting.by_disposition IS
    'One row for each interval (UTC) of each width in which interactions ended, by account, queue, code and who ended them.';
COMMENT ON COLUMN reporting.by_disposition.interactions IS 'how many ended in it so';
COMMENT ON COLUMN reporting.by_disposition.handling_seconds_p50 IS
    'the median of the times from the first message to the end, interpolated';

CREATE VIEW reporting.by_delivery AS
SELECT w.width,
       date_bin(w.span, d.requested_at, timestamptz '1970-01-01 00:00:00+00') AS interval_start,
       d.account_key, d.kind, d.action, d.outcome, d.reason,
       count(*) AS deliveries,
       sum(d.failed_attempts)::bigint AS failed_attempts
FROM reporting.dim_interval w
CROSS JOIN reporting.fct_delivery d
GROUP BY 1, 2, 3, 4, 5, 6, 7;
COMMENT ON VIEW reporting.by_delivery IS
    'One row for each interval (UTC) of each width in which answers, notices, engagements or moderations were asked for, by account, kind and what became of them.';
COMMENT ON COLUMN reporting.by_delivery.deliveries IS 'how many there were';
