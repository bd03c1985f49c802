"""Each measure of the reports, declared once, and each report: which measures of which fact, by what.

The SQL of the reports, the views by interval with their comments in PostgreSQL, and docs/reference/measures.md follow
from these declarations.
"""

from typing import Final

from projections.reporting.measures import Kind, Measure, Report, counted, durations, times

_ENGAGED: Final = "automatic or an agent's"

INTERACTIONS: Final = Report(
    name="interactions",
    says="Interactions, by the interval in which they were opened, with what became of them since.",
    fact="fct_interaction",
    at="opened_at",
    by=("account", "queue"),
    dimensions=(
        "account", "channel", "visibility", "event", "queue", "skill", "agent", "policy", "filter", "language",
        "outcome", "disposition",
    ),
    measures=(
        counted(
            "offered",
            "interactions that were opened, filtered ones apart: answered + engaged_only + closed_automatically + "
            "withdrawn + expired + closed_unanswered + unanswered_open",
            "f.outcome <> 'filtered'",
        ),
        counted("answered", "those of them that a person answered, at any time", "f.outcome = 'answered'"),
        counted(
            "engaged_only",
            "those that were retweeted or liked, and ended by an agent without an answer",
            "f.outcome = 'engaged_only'",
        ),
        counted(
            "closed_automatically",
            "those that a rule ended and no person answered; it may have answered or liked",
            "f.outcome = 'closed_automatically'",
        ),
        counted("withdrawn", "those that the customer deleted before an answer", "f.outcome = 'withdrawn'"),
        counted("expired", "those that waited too long", "f.outcome = 'expired'"),
        counted(
            "closed_unanswered", "those that an agent ended without an answer", "f.outcome = 'closed_unanswered'"
        ),
        counted("unanswered_open", "those that wait for an answer still", "f.outcome = 'open'"),
        counted("filtered", "interactions that a filter ended; not offered", "f.outcome = 'filtered'"),
        counted("reopened", "interactions whose author had one with the account before", "f.reopened"),
        counted(
            "moved_to_private",
            "interactions whose customer was asked to go on in private",
            "f.moved_to_private_at IS NOT NULL",
        ),
        times("messages_in", "the customers' messages in them", unit="messages"),
        times("messages_out", "posted answers of people", unit="messages"),
        times("notices_posted", "notices of closures that were posted", unit="messages"),
        times("answers_posted", "automatic answers of filters that were posted", unit="messages"),
        times("automatic_withheld", "automatic answers and engagements that were due and not made"),
        times("retweets", f"retweets that the platform took, {_ENGAGED}"),
        times("likes", f"likes that the platform took, {_ENGAGED}"),
        times("favourites", f"favourites that the platform took, {_ENGAGED}"),
        times("engagements_automatic", "those of these three that a filter asked for"),
        times("engagements_suggested", "engagements that a filter proposed to the agent"),
        Measure(
            "deliveries_failed",
            "answers, notices, automatic answers, engagements and moderations that were refused or given up",
            value="f.replies_failed + f.replies_abandoned + f.notices_failed + f.answers_failed + f.engagements_failed"
            " + f.moderations_failed",
            how="sum",
            unit="deliveries",
        ),
        times("sessions", "private conversations between an agent and the customer"),
        times("transfers", "how often they were given on"),
        times("transfers_to_group", "those of the transfers that went to an agent group"),
        times("offers", "how often routing offered them to an agent"),
        times("offers_expired", "offers (reservations) that were not accepted in time"),
        times("offers_declined", "offers that the agent declined"),
        counted("target_met", "those whose first answer came by the queue's target", "f.target = 'met'"),
        counted("target_missed", "those where it came later, or never", "f.target = 'missed'"),
        counted("target_running", "those that are open, and there is time yet", "f.target = 'running'"),
        Measure(
            "service_level",
            "target_met / (target_met + target_missed): answered in target / (offered - closed automatically - "
            "withdrawn - open within target), of those whose queue has a target",
            "f.target IN ('met', 'missed')",
            "(f.target = 'met')::integer",
            "share",
            unit="from 0 to 1",
        ),
        counted("first_responses", "those that have a first response", "f.first_response_seconds IS NOT NULL"),
        *durations(
            "first_response_seconds",
            "first_response_seconds",
            "the calendar time from the platform's time of the customer's first message to that of the first posted "
            "answer of a person",
        ),
        *durations(
            "first_response_open_seconds",
            "first_response_open_seconds",
            "the business time of the first response: how much of it the account was open, by the hours of the policy "
            "then in force",
        ),
    ),
    shows=("interaction_id", "opened_at", "account_key", "queue", "agent_id", "state", "outcome", "disposition"),
    main=(
        "offered", "answered", "unanswered_open", "service_level", "first_response_seconds_p50",
        "first_response_seconds_p90",
    ),
    view="by_interval",
)  # fmt: skip

DISPOSITIONS: Final = Report(
    name="dispositions",
    says="Interactions, by the interval in which they ended, with what code and by whom.",
    fact="fct_interaction",
    at="dispositioned_at",
    only="f.disposition IS NOT NULL",
    by=("account", "queue", "disposition", "dispositioned_by", "ended_by"),
    dimensions=(
        "account", "channel", "visibility", "queue", "skill", "agent", "policy", "disposition", "dispositioned_by",
        "ended_by", "outcome",
    ),
    measures=(
        counted("interactions", "how many ended in it so", "true"),
        *durations(
            "resolution_seconds",
            "resolution_seconds",
            "the time from the platform's time of the first message to the end",
        ),
        *durations(
            "handling_seconds",
            "handling_seconds",
            "the time for which agents had it, of those that an agent had",
            when="f.first_accepted_at IS NOT NULL",
        ),
    ),
    shows=("interaction_id", "dispositioned_at", "account_key", "queue", "disposition", "dispositioned_by", "ended_by"),
    main=("interactions", "resolution_seconds_p50", "handling_seconds_p50"),
    view="by_disposition",
)  # fmt: skip

WAITS: Final = Report(
    name="waits",
    says="Waits for an agent, by the interval in which they began. An interaction may wait several times.",
    fact="fct_turn",
    at="queued_at",
    only="f.queued_at IS NOT NULL",
    by=("account", "queue"),
    dimensions=("account", "channel", "queue", "skill", "agent", "policy", "ended_by"),
    measures=(
        counted("waits", "how often something came into the line", "true", "times"),
        counted(
            "accepted", "waits that ended with an agent who accepted or took it", "f.accepted_at IS NOT NULL", "times"
        ),
        counted(
            "left_line",
            "waits that ended without: withdrawn, expired, answered on the platform, held back …",
            "f.accepted_at IS NULL AND f.ended_at IS NOT NULL",
            "times",
        ),
        counted("waiting", "waits that go on", "f.accepted_at IS NULL AND f.ended_at IS NULL", "times"),
        *durations(
            "wait_seconds",
            "wait_seconds",
            "the time from coming into the line to the agent's acceptance, offers that came to nothing included",
        ),
        times("offers", "how often routing offered it to an agent"),
        times("offers_expired", "offers (reservations) that were not accepted in time"),
        times("offers_declined", "offers that the agent declined"),
    ),
    shows=("interaction_id", "queued_at", "account_key", "queue", "agent_id", "accepted_at", "ended_at", "ended_by"),
    main=("waits", "accepted", "left_line", "wait_seconds_p50", "wait_seconds_p90"),
    view="by_wait",
)  # fmt: skip

HANDLING: Final = Report(
    name="handling",
    says="What agents accepted or took, by the interval in which they did. An interaction may have several agents.",
    fact="fct_turn",
    at="accepted_at",
    only="f.accepted_at IS NOT NULL",
    by=("agent",),
    dimensions=("account", "channel", "queue", "skill", "agent", "policy", "ended_by"),
    measures=(
        counted("handled", "how often an agent accepted or took one", "true", "times"),
        counted("going_on", "those that the agent has still", "f.ended_at IS NULL", "times"),
        counted("given_on", "those that the agent transferred", "f.ended_by = 'transferred'", "times"),
        counted("taken_over", "those that somebody else took over", "f.ended_by = 'taken_over'", "times"),
        *durations(
            "handling_seconds",
            "handling_seconds",
            "the time for which the agent had it: to the end, the transfer … the waits for the customer included",
        ),
    ),
    shows=("interaction_id", "accepted_at", "agent_id", "queue", "account_key", "ended_at", "ended_by"),
    main=("handled", "handling_seconds_p50", "handling_seconds_p90"),
    view="by_handling",
)  # fmt: skip

TRANSITIONS: Final = Report(
    name="transitions",
    says="Transitions of interactions, by the interval in which they were made.",
    fact="fct_transition",
    at="at",
    by=("from_state", "to_state", "event_type"),
    dimensions=("account", "channel", "queue", "agent", "policy", "from_state", "to_state", "event_type", "actor"),
    measures=(
        counted("transitions", "how often it was made", "true", "times"),
        *durations("seconds", "seconds_in_from_state", "the time for which the state before had lasted"),
    ),
    shows=("interaction_id", "at", "from_state", "to_state", "event_type", "agent_id", "queue"),
    main=("transitions", "seconds_p50", "seconds_p90"),
    view="by_transition",
    events="e.topic = 'interaction.events' AND e.interaction_id = f.interaction_id AND e.sequence = f.sequence",
)  # fmt: skip

AGENTS: Final = Report(
    name="agents",
    says="What was offered to agents and what they answered, by the interval in which that happened.",
    fact="fct_transition",
    at="at",
    only="f.agent_id IS NOT NULL AND f.event_type IN ('Assigned', 'QueuedAgain', 'Replied')",
    by=("agent",),
    dimensions=("account", "channel", "queue", "agent", "policy"),
    measures=(
        counted("assigned", "how often one was offered to the agent, or taken", "f.event_type = 'Assigned'", "times"),
        counted(
            "not_accepted", "offers that expired or were declined", "f.event_type = 'QueuedAgain'", "times"
        ),
        counted("answers", "the agent's answers that were posted", "f.event_type = 'Replied'", "messages"),
    ),
    shows=("interaction_id", "at", "agent_id", "event_type", "queue"),
    main=("assigned", "not_accepted", "answers"),
    view="by_agent",
    events=TRANSITIONS.events,
)  # fmt: skip

_NOTICES: Final = (
    ("emergency", "because of an emergency"),
    ("special_day", "because of a special day"),
    ("closed", "because of closed hours"),
)

DELIVERIES: Final = Report(
    name="deliveries",
    says="Answers, notices, engagements and moderations, by the interval in which they were asked for.",
    fact="fct_delivery",
    at="requested_at",
    by=("account", "kind", "action", "outcome", "reason"),
    dimensions=(
        "account", "channel", "visibility", "queue", "agent", "policy", "filter", "kind", "action", "outcome", "reason",
        "closure",
    ),
    measures=(
        counted("deliveries", "how many there were", "true", "deliveries"),
        counted("posted", "those that the platform took", "f.outcome = 'posted'", "deliveries"),
        counted("failed", "those that it refused for good", "f.outcome = 'failed'", "deliveries"),
        counted(
            "given_up",
            "those that were given up: the time for retries ended, or nobody knows whether it was posted",
            "f.outcome = 'abandoned'",
            "deliveries",
        ),
        counted("pending", "those that are on their way", "f.outcome = 'pending'", "deliveries"),
        times("failed_attempts", "attempts that failed and were tried again", unit="attempts"),
        *(
            counted(
                f"notices_{closure}",
                f"notices {why} that were posted",
                f"f.closure = '{closure}' AND f.outcome = 'posted'",
                "deliveries",
            )
            for closure, why in _NOTICES
        ),
        counted(
            "automatic_answers",
            "automatic answers of filters that were posted",
            "f.kind = 'answer' AND f.outcome = 'posted'",
            "deliveries",
        ),
        counted(
            "engagements",
            "retweets, likes and favourites that were made",
            "f.kind = 'engagement' AND f.outcome = 'posted'",
            "deliveries",
        ),
    ),
    shows=("interaction_id", "requested_at", "kind", "action", "outcome", "reason", "agent_id", "delivery_id"),
    main=("deliveries", "failed_attempts"),
    view="by_delivery",
    events="e.interaction_id = f.interaction_id AND e.facts ->> 'delivery_id' = f.delivery_id",
)  # fmt: skip

OCCUPANCY: Final = Report(
    name="occupancy",
    says="Agents' time, by the interval in which it was spent: ready, away, and with interactions.",
    fact="fct_agent_time",
    at="at",
    until="until",
    by=("agent",),
    dimensions=("agent", "pool", "state"),
    measures=(
        Measure(
            "ready_seconds", "the time in which the agent was ready", "f.state = 'ready'", "f.spent", "sum",
            unit="seconds",
        ),
        Measure(
            "away_seconds", "the time in which the agent was away", "f.state = 'away'", "f.spent", "sum",
            unit="seconds",
        ),
        Measure(
            "occupied_seconds",
            "the time in which the agent was ready and had at least one interaction",
            "f.state = 'ready' AND f.interactions > 0",
            "f.spent",
            "sum",
            unit="seconds",
        ),
        Measure(
            "occupancy",
            "occupied_seconds / ready_seconds",
            "f.state = 'ready'",
            "CASE WHEN f.interactions > 0 THEN f.spent ELSE 0 END",
            "share",
            "f.spent",
            unit="from 0 to 1",
        ),
        Measure(
            "interaction_seconds",
            "the time with interactions, two at once counted twice, whatever the agent's state",
            "f.interactions > 0",
            "f.spent * f.interactions",
            "sum",
            unit="seconds",
        ),
    ),
    shows=("agent_id", "at", "until", "state", "interactions", "pool"),
    main=("ready_seconds", "occupied_seconds", "occupancy"),
    view="by_agent_time",
    events="e.topic = 'routing.events' AND e.key = f.pool AND e.sequence = f.state_sequence"
    " AND e.interaction_id IS NULL",
)  # fmt: skip

REPORTS: Final[dict[Kind, Report]] = {
    report.name: report
    for report in (
        INTERACTIONS, DISPOSITIONS, WAITS, HANDLING, TRANSITIONS, AGENTS, DELIVERIES, OCCUPANCY,
    )
}  # fmt: skip
