"""Where an interaction waits: out of hours, or in a queue."""

from collections.abc import Generator
from typing import Final

from engine.bookkeeping import NEVER, Timer
from engine.decider import Context, Decision
from engine.envelope import derive
from engine.interaction import events as e
from engine.interaction.state import Contact, Interaction, contact_of
from engine.policy.document import Account
from engine.policy.hours import Closure
from engine.policy.rules import Rules
from engine.record import Event
from engine.rows import Rows

Events = Generator[Event, None, None]

_WITHHELD: Final = frozenset(
    {"too_old", "opted_out", "daily_cap", "once_per_interaction", "not_available", "not_permitted"}
)


def place(
    rows: Rows, context: Context, rules: Rules, account: Account, where: str, why: str, noticed: str = ""
) -> Events:
    """Out of hours while a closure holds it back, else into the queue. `noticed`: what came of the closure's notice."""
    holding = rules.holding(account, context.now, context.emergencies)
    if holding is None:
        yield from explain_notice(rows, where, noticed)
        yield from queue(rows, context, rules, account, where, why)
        return
    yield e.OutOfHours(
        interaction_id=where,
        actor_kind="policy",
        contact_id=contact_of(rows, where),
        closure=holding.closure_id,
        kind=holding.kind,
        until=holding.until,
        notice=noticed,
    )


def explain_notice(rows: Rows, where: str, noticed: str) -> Events:
    """Why a closure's notice that was due is not sent, where no OutOfHours says so."""
    if noticed in _WITHHELD:
        yield e.AutomaticWithheld(
            interaction_id=where, actor_kind="policy", contact_id=contact_of(rows, where), what="notice", why=noticed
        )


def place_anew(rows: Rows, context: Context, where: str, why: str) -> Events:
    """As `place`, of what nobody wrote in just now."""
    interaction = rows.get(Interaction, where)
    rules = context.rules
    if interaction is None or rules is None:
        return
    account = rules.account(interaction.channel, interaction.account)
    if account is not None:
        yield from place(rows, context, rules, account, where, why, "not_due")
        return
    closure = _dropped(interaction)
    yield e.OutOfHours(
        interaction_id=where,
        actor_kind="policy",
        contact_id=interaction.contact_id,
        closure=closure.closure_id,
        kind=closure.kind,
        until=closure.until,
        notice="not_due",
    )


def _dropped(interaction: Interaction) -> Closure:
    """Of an account that the policy dropped, interactions wait until a policy has it again."""
    return Closure(f"dropped:{interaction.channel}:{interaction.account}", "closed", None)


def queue(
    rows: Rows,
    context: Context,
    rules: Rules,
    account: Account,
    where: str,
    why: str,
    to_queue: str | None = None,
    to_group: str | None = None,
    to_agent: str | None = None,
) -> Events:
    """Into the queue named, else the one that the filter of its first message names, else the account's.

    `to_group` and `to_agent` keep it for them, whatever they know.
    """
    interaction = rows.get(Interaction, where)
    if interaction is None:
        raise LookupError(f"interaction {where} is to be queued, but never began")
    name, priority = _filtered(rules, account, interaction)
    chosen = rules.queues.get(to_queue or name) or rules.queues[account.queue]
    times = rules.timing(chosen.name)
    kept = to_group is not None or to_agent is not None
    preferred = None if kept or why == "transferred" else _last_agent(rows, context, times.prefer_for)
    relaxes = times.relax_after is not None and not kept
    yield e.Queued(
        interaction_id=where,
        actor_kind="policy",
        contact_id=interaction.contact_id,
        queue=chosen.name,
        pool=chosen.pool,
        skills=[] if kept else list(chosen.skills),
        group=to_group or (None if kept else chosen.group),
        agent=to_agent,
        priority=chosen.priority if priority is None else priority,
        # A request of its own for each time that it is queued: derived from what it waits behind.
        request_id=derive(where, "request", interaction.requests + 1),
        expires_at=None if rules.expire_after is None else context.now + rules.expire_after,
        why=why,
        weight=rules.weight(interaction.private_channel or interaction.channel),
        preferred=preferred,
        preferred_until=None if preferred is None else context.now + times.prefer_wait,
        relax_at=context.now + times.relax_after if relaxes and times.relax_after is not None else None,
        relaxed_skills=list(chosen.relaxed_skills) if relaxes else [],
        answer_by=_answer_by(interaction, times.answer_within),
    )


def _filtered(rules: Rules, account: Account, interaction: Interaction) -> tuple[str, int | None]:
    """The queue by the filter of the first message, and the priority where it is not the queue's own."""
    own = rules.queue_of(account, interaction.visibility)
    for one in rules.policy.filters:
        if one.name == interaction.filter:
            return one.queue or own, one.priority
    return own, None


def _last_agent(rows: Rows, context: Context, prefer_for: int | None) -> str | None:
    """Who served the contact last, if that is not too long ago."""
    contact = rows.get(Contact, "")
    if contact is None or prefer_for is None or contact.last_agent is None:
        return None
    return contact.last_agent if context.now - contact.last_agent_at <= prefer_for else None


def _answer_by(interaction: Interaction, answer_within: int | None) -> int | None:
    return None if answer_within is None or interaction.answered else interaction.opened_at + answer_within


def look_again(rows: Rows, timer: Timer, context: Context) -> Decision:
    """The deadline of a closure: into the queue if none applies any more, else held on."""
    interaction = rows.get(Interaction, timer.ref)
    if interaction is None or interaction.state != "out_of_hours" or context.rules is None:
        return None
    account = context.rules.account(interaction.channel, interaction.account)
    closure = context.rules.holding(account, context.now, context.emergencies) if account else _dropped(interaction)
    if account is not None and closure is None:
        yield from queue(rows, context, context.rules, account, timer.ref, "reopened")
    elif closure is not None and not _is_same(closure, interaction, timer, context.now):
        yield e.ClosureChanged(
            interaction_id=timer.ref,
            contact_id=interaction.contact_id,
            closure=closure.closure_id,
            kind=closure.kind,
            until=closure.until,
        )
    return None


def _is_same(closure: Closure, interaction: Interaction, timer: Timer, now: int) -> bool:
    """Whether an interaction that is looked at before its time is held as before."""
    due = NEVER if closure.until is None else closure.until
    return timer.due > now and closure.closure_id == interaction.closure and due == timer.due


def expire(rows: Rows, timer: Timer, context: Context) -> Decision:
    """Nobody served it in the policy's time."""
    interaction = rows.get(Interaction, timer.ref)
    if interaction is not None and interaction.state == "queued":
        yield e.Dispositioned(interaction_id=timer.ref, contact_id=interaction.contact_id, code="expired")
    return None


def is_waiting(interaction: Interaction) -> bool:
    """Whether nobody works on it yet, though it may be offered, or an automatic answer be under way."""
    return interaction.state in ("contact_resolved", "queued", "out_of_hours") or (
        interaction.state == "assigned" and not interaction.accepted
    )
