"""The tables of the star schema. The docstring of each fact is its grain."""

from datetime import datetime
from typing import Annotated, Final

from projections.tables import Row, Table


class FctInteraction(Row):
    """One row for each interaction, as it stands."""

    interaction_id: Annotated[str, "the interaction"]
    contact_id: Annotated[str | None, "the contact at the time; null for one that was ended before it was looked up"]
    handle_id: Annotated[str, "the handle of the author"]
    account_key: Annotated[str, "the account that received it, see dim_account"]
    channel: Annotated[str, "where it began: x, facebook or messenger"]
    visibility: Annotated[str, "whether it began in public or private"]
    event: Annotated[str, "what opened it: mention, reply, quote, direct_message, post, comment, message …"]
    filter: Annotated[str | None, "the filter that matched its first message"]
    action: Annotated[str, "what that led to: route, answer, engage, attach or ignore"]
    sentiment: Annotated[float | None, "from -1 to 1, how its first message sounded; null: no filter asked"]
    language: Annotated[str | None, "the language that the platform named for its first message"]
    queue: Annotated[str | None, "the queue where it waits or waited last, see dim_queue"]
    skills: Annotated[list[str], "what an agent had to know when it came there"]
    agent_id: Annotated[str | None, "the agent who has it or had it last, see dim_agent"]
    policy_version: Annotated[int, "the version of the policy by which it was opened"]
    state: Annotated[str, "by the lifecycle"]
    state_since: Annotated[datetime, "when it last made a transition"]
    opened_at: Annotated[datetime, "when its first message was received"]
    first_message_at: Annotated[datetime, "the platform's time of the customer's first message"]
    first_queued_at: Annotated[datetime | None, "when it first waited for an agent"]
    answer_by: Annotated[datetime | None, "the target for the first answer, of the queue that it first came to"]
    first_assigned_at: Annotated[datetime | None, "when an agent was first found, or took it"]
    first_accepted_at: Annotated[datetime | None, "when an agent first accepted or took it"]
    first_response_at: Annotated[datetime | None, "the platform's time of the first posted answer of a person"]
    first_response_seconds: Annotated[float | None, "from first_message_at to first_response_at, calendar time"]
    first_response_open_seconds: Annotated[
        float | None,
        "how much of that the account was open, by the hours of the policy then in force; null where it can't be told",
    ]
    first_response_by: Annotated[str | None, "agent (through us) or elsewhere (on the platform itself)"]
    messages_in: Annotated[int, "the customer's messages"]
    messages_out: Annotated[int, "posted answers of people"]
    messages_edited: Annotated[int, "how often the customer changed one"]
    messages_deleted: Annotated[int, "the customer's messages that the customer deleted"]
    replies_requested: Annotated[int, "answers that agents sent"]
    replies_failed: Annotated[int, "answers that the platform refused for good"]
    replies_abandoned: Annotated[int, "answers given up after the policy's time for retries"]
    notices_requested: Annotated[int, "notices of closures that were asked for"]
    notices_posted: Annotated[int, "notices that were posted; they stop no first response"]
    notices_failed: Annotated[int, "notices that were refused or given up"]
    answers_requested: Annotated[int, "automatic answers of filters that were asked for"]
    answers_posted: Annotated[int, "automatic answers that were posted; they stop no first response"]
    answers_failed: Annotated[int, "automatic answers that were refused or given up"]
    automatic_withheld: Annotated[int, "automatic answers and engagements that were due and not made"]
    retweets: Annotated[int, "retweets that the platform took"]
    likes: Annotated[int, "likes that the platform took"]
    favourites: Annotated[int, "favourites that the platform took"]
    engagements_automatic: Annotated[int, "those of these three that a filter asked for"]
    engagements_suggested: Annotated[int, "engagements that a filter proposed to the agent"]
    engagements_failed: Annotated[int, "engagements that were refused or given up"]
    moderations: Annotated[int, "how often a comment was hidden or shown, or an answer deleted"]
    moderations_failed: Annotated[int, "those that were refused or given up"]
    moved_to_private_at: Annotated[datetime | None, "when the customer was first asked to go on in private"]
    moved_to_private_by: Annotated[str | None, "message (a private one was sent) or link (in the announcement)"]
    sessions: Annotated[int, "private conversations between an agent and the customer"]
    times_queued: Annotated[int, "how often it came into a line, offers that came to nothing not counted"]
    turns: Annotated[int, "how often it waited for an agent or one took it, see fct_turn"]
    handling_seconds: Annotated[float, "how long agents had it, the turn that goes on not counted"]
    times_held: Annotated[int, "how often a closure held it back"]
    offers: Annotated[int, "how often routing offered it to an agent"]
    offers_expired: Annotated[int, "offers that the agent did not accept in time"]
    offers_declined: Annotated[int, "offers that the agent declined"]
    transfers: Annotated[int, "how often it was given on"]
    transfers_to_group: Annotated[int, "those of them that went to an agent group"]
    follows: Annotated[str | None, "the author's interaction with that account before it"]
    reopened: Annotated[bool, "whether it follows another one"]
    filtered: Annotated[bool, "whether a filter ended it: such ones are not offered"]
    disposition: Annotated[str | None, "the code with which it ended"]
    dispositioned_by: Annotated[str | None, "the agent who ended it; null: a rule did, or nobody"]
    ended_by: Annotated[str | None, "who ended it: agent, supervisor, customer, policy, timer or system"]
    dispositioned_at: Annotated[datetime | None, "when it ended"]


class FctTurn(Row):
    """One row for each turn of an interaction: its wait for an agent, and the time for which that agent had it."""

    turn_id: Annotated[str, "the interaction and the turn's number in it"]
    interaction_id: Annotated[str, "the interaction"]
    account_key: Annotated[str, "the account, see dim_account"]
    queue: Annotated[str | None, "the queue where it waited; null for one that an agent took out of none"]
    skills: Annotated[list[str], "what an agent had to know"]
    agent_group: Annotated[str | None, "the agent group that it was kept for"]
    policy_version: Annotated[int, "the version of the policy that decided"]
    queued_at: Annotated[datetime | None, "when the wait began; null: there was none"]
    offers: Annotated[int, "how often routing offered it to an agent"]
    offers_expired: Annotated[int, "offers that were not accepted in time"]
    offers_declined: Annotated[int, "offers that were declined"]
    accepted_at: Annotated[datetime | None, "when an agent accepted or took it"]
    agent_id: Annotated[str | None, "that agent, see dim_agent"]
    wait_seconds: Annotated[float | None, "from queued_at to accepted_at"]
    ended_at: Annotated[datetime | None, "when it no longer waited and no agent had it"]
    ended_by: Annotated[
        str | None,
        "why: the disposition (ended), transferred, taken_over, written_again or reopened (queued anew), held_back (by "
        "a closure), answered_elsewhere, not_answered",
    ]
    handling_seconds: Annotated[float | None, "from accepted_at to ended_at: how long the agent had it"]


class FctTransition(Row):
    """One row for each transition of an interaction, one that leads back to the same state included."""

    interaction_id: Annotated[str, "the interaction"]
    sequence: Annotated[int, "of the event on its key"]
    event_type: Annotated[str, "the event that made it"]
    event_id: Annotated[str, "its id, see audit.event"]
    from_state: Annotated[str | None, "the state before; null for the first message"]
    to_state: Annotated[str, "the state after"]
    at: Annotated[datetime, "when it happened"]
    seconds_in_from_state: Annotated[float | None, "since the transition before; null for the first message"]
    account_key: Annotated[str, "the account, see dim_account"]
    queue: Annotated[str | None, "the queue after it"]
    agent_id: Annotated[str | None, "the agent whom the event names, else who had it last"]
    actor_kind: Annotated[str, "customer, agent, supervisor, policy, timer or system"]
    actor_id: Annotated[str | None, "who among them; for a customer the handle"]
    policy_version: Annotated[int, "the version of the policy that decided"]


class FctDelivery(Row):
    """One row for each answer, notice, engagement or moderation that was to be made on a platform through us."""

    delivery_id: Annotated[str, "the delivery"]
    interaction_id: Annotated[str, "the interaction"]
    account_key: Annotated[str, "the account, see dim_account"]
    kind: Annotated[str, "reply, notice, answer (automatic), engagement or moderation"]
    action: Annotated[
        str,
        "reply (in public), message (in private), private_answer (to a comment), retweet, like, favourite, hide, "
        "unhide or delete",
    ]
    queue: Annotated[str | None, "the queue where the interaction was or had been"]
    agent_id: Annotated[str | None, "who asked for it; null: a rule did"]
    filter: Annotated[str | None, "the filter that asked for it"]
    closure: Annotated[str | None, "notice: the kind of closure that sent it: emergency, special_day or closed"]
    policy_version: Annotated[int, "the version of the policy in force when it was asked for"]
    visibility: Annotated[str, "public or private"]
    requested_at: Annotated[datetime, "when it was asked for"]
    outcome: Annotated[str, "pending, posted, failed or abandoned"]
    posted_at: Annotated[datetime | None, "the platform's time of it"]
    settled_by: Annotated[str | None, "how it is known that it was posted: outcome, echo, look_up or duplicate_error"]
    failed_attempts: Annotated[int, "attempts that failed and were tried again"]
    reason: Annotated[str | None, "why it was not posted, in a word"]


class FctAgentState(Row):
    """One row for each time that an agent came, paused or went."""

    pool: Annotated[str, "the pool to which the agent belongs"]
    sequence: Annotated[int, "of the event in its pool"]
    agent_id: Annotated[str, "the agent, see dim_agent"]
    state: Annotated[str, "ready, away or offline"]
    why: Annotated[str, "asked, or not_accepted_in_time"]
    at: Annotated[datetime, "when it happened"]


class DimAccount(Row):
    """One row for each account of the company that received anything."""

    account_key: Annotated[str, "channel and platform id: x:42"]
    channel: Annotated[str, "x, facebook or messenger"]
    account: Annotated[str, "the platform's id"]


class DimQueue(Row):
    """One row for each queue in which anything waited."""

    queue: Annotated[str, "its name"]


class DimAgent(Row):
    """One row for each agent who was registered or had an interaction."""

    agent_id: Annotated[str, "the agent"]
    pool: Annotated[str | None, "the pool; null where the agent was never registered"]
    skills: Annotated[list[str] | None, "what the agent knows"]
    groups: Annotated[list[str] | None, "the agent groups"]
    capacity: Annotated[int | None, "how much at once, in the weights of the policy; by default interactions"]


FCT_INTERACTION: Final = Table("fct_interaction", FctInteraction, ("interaction_id",), ("opened_at", "contact_id"))
FCT_TRANSITION: Final = Table("fct_transition", FctTransition, ("interaction_id", "sequence"), ("at",))
FCT_TURN: Final = Table("fct_turn", FctTurn, ("turn_id",), ("queued_at", "accepted_at", "interaction_id"))
FCT_DELIVERY: Final = Table("fct_delivery", FctDelivery, ("delivery_id",), ("interaction_id",))
FCT_AGENT_STATE: Final = Table("fct_agent_state", FctAgentState, ("pool", "sequence"), ("agent_id, at",))
DIM_ACCOUNT: Final = Table("dim_account", DimAccount, ("account_key",))
DIM_QUEUE: Final = Table("dim_queue", DimQueue, ("queue",))
DIM_AGENT: Final = Table("dim_agent", DimAgent, ("agent_id",))
