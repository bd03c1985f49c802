"""A customer's message: where it belongs, what the filters say of it, whose it is, and what follows."""

from collections.abc import Generator
from typing import Final, NamedTuple

from engine.decider import Context, Decision, Duplicate, Refusal
from engine.envelope import interaction_id, words_digest
from engine.interaction import automatic, early, forwarding, placing, sessions
from engine.interaction import commands as c
from engine.interaction import contact_events as ce
from engine.interaction import events as e
from engine.interaction.erasing import is_forgotten
from engine.interaction.joining import join, latest_of
from engine.interaction.state import Address, Contact, Interaction, Item, Key, Removed
from engine.policy.document import Account, Filter
from engine.policy.rules import Rules
from engine.record import Event
from engine.rows import Rows

Events = Generator[Event, None, None]

BLOCKED: Final = "~blocked"
NOT_MONITORED: Final = "~not_monitored"
OPT_OUT: Final = "~opt_out"


class Judged(NamedTuple):
    """What the policy says of a message, before it is known where it belongs."""

    name: str | None
    action: str
    filter: Filter | None = None
    sentiment: float | None = None


def receive_message(rows: Rows, command: c.ReceiveMessage, context: Context) -> Decision:
    """What a message leads to, from its receipt to the queue; nothing, when it was here before."""
    known = rows.get(Item, command.item_id)
    if known is not None:
        return Duplicate(known.interaction_id)
    if forwarding.was_passed_on(rows, command):
        return Duplicate()
    if is_forgotten(rows, command.posted_at):
        return Refusal("forgotten", "it was written before its author was forgotten: its words are not taken")
    rules = context.rules
    if rules is None:
        return Refusal("no_policy", "no policy is in force: publish one, then send the message again", False, kept=True)
    account = _receiver(rules, command)
    if account is None:
        names = ", ".join(f"{command.channel}:{one}" for one in command.accounts)
        reason = f"the policy has none of the accounts {names}: add one, then send the message again"
        return Refusal("unknown_account", reason, False, kept=True)
    said = early.as_edited(rows, command)
    judged = _judge(rows, rules, said, account)
    joined, interaction = join(rows, command, account, judged.action, rules.join_recent)
    passed_on = yield from forwarding.pass_on(rows, command, context, open_here=_is_open(rows, interaction))
    if passed_on:
        yield from early.catch_up(rows, command.item_id)
        return None
    yield from _receive(rows, said, context, rules, account, judged, joined, interaction)
    return None


def _receive(
    rows: Rows,
    command: c.ReceiveMessage,
    context: Context,
    rules: Rules,
    account: Account,
    judged: Judged,
    joined: str,
    interaction: str | None,
) -> Events:
    where = interaction or interaction_id(rows.key, _count(rows) + 1)
    before = rows.get(Interaction, where)
    opened = joined == "opened"
    action = judged.action
    if opened and action == "attach":
        action = "ignore" if judged.name == OPT_OUT else "route"
    removed = rows.get(Removed, command.item_id) is not None
    yield e.MessageReceived(
        interaction_id=where,
        contact_id=None if before is None else before.contact_id,
        item_id=command.item_id,
        content_id=f"{rows.key}:m:{command.item_id}",
        words=words_digest(command.salt, command.text),
        channel=command.channel,
        account=account.id,
        visibility=command.visibility,
        handle_id=command.handle_id,
        posted_at=command.posted_at,
        in_reply_to=command.in_reply_to,
        language=command.language,
        joined=joined,
        follows=latest_of(rows, account) if opened else None,
        filter=judged.name,
        action=action,
        event=command.event,
        thread=command.thread,
        attachments=len(command.attachments),
        edited_at=early.edited_at(rows, command.item_id),
        sentiment=judged.sentiment,
        via=command.via,
    )
    if removed:
        yield from _remove_again(where, command, opened=opened)
    elif opened:
        yield from _begin(rows, command, context, rules, account, where, judged, action)
    elif before is not None:
        yield from _continue(rows, command, context, rules, account, where, before, judged, joined, action)


def _remove_again(where: str, command: c.ReceiveMessage, *, opened: bool) -> Events:
    """It was deleted before it arrived: its words don't stay, and nobody is asked to answer."""
    content_id = f"{where.partition('.')[0]}:m:{command.item_id}"
    yield e.MessageDeleted(interaction_id=where, item_id=command.item_id, content_id=content_id)
    if opened:
        yield e.Dispositioned(interaction_id=where, actor_kind="policy", code="withdrawn")


def _receiver(rules: Rules, command: c.ReceiveMessage) -> Account | None:
    for candidate in command.accounts:
        account = rules.account(command.channel, candidate)
        if account is not None:
            return account
    return None


def _judge(rows: Rows, rules: Rules, command: c.ReceiveMessage, account: Account) -> Judged:
    """What the policy says of the message; blocked authors and what nobody monitors come before any filter."""
    contact = rows.get(Contact, "")
    if command.blocked or (contact is not None and contact.blocked):
        return Judged(BLOCKED, "ignore")
    if account.monitor and command.event not in account.monitor:
        return Judged(NOT_MONITORED, "ignore")
    if rules.opts_out(command.text):
        return Judged(OPT_OUT, "attach")
    matched = rules.match(command.text, event=command.event, account=f"{account.channel}:{account.id}")
    found = matched.filter
    if found is None:
        return Judged(None, "route", None, matched.sentiment)
    return Judged(found.name, found.action, found, matched.sentiment)


def _is_open(rows: Rows, interaction: str | None) -> bool:
    row = None if interaction is None else rows.get(Interaction, interaction)
    return row is not None and row.state != "dispositioned"


def _count(rows: Rows) -> int:
    counted = rows.get(Key, "")
    return 0 if counted is None else counted.interactions


def _begin(
    rows: Rows,
    command: c.ReceiveMessage,
    context: Context,
    rules: Rules,
    account: Account,
    where: str,
    judged: Judged,
    action: str,
) -> Events:
    if action == "ignore":
        if judged.name == OPT_OUT:
            yield from _resolve(rows, command, where)
            yield ce.OptedOut(interaction_id=where, contact_id=rows.key, item_id=command.item_id)
        yield e.FilteredOut(interaction_id=where, actor_kind="policy", filter=judged.name or "")
        yield e.Dispositioned(interaction_id=where, actor_kind="policy", code="filtered_out")
        return
    yield from _resolve(rows, command, where)
    occasion = automatic.Occasion(rows, context, rules, account, where, command)
    noticed = yield from automatic.notice(occasion)
    closing = yield from automatic.act(occasion, judged.filter, noticed=noticed == "requested")
    if not closing:
        yield from placing.place(rows, context, rules, account, where, "received", noticed)


def _resolve(rows: Rows, command: c.ReceiveMessage, where: str) -> Events:
    """Whose interaction it is: the contact is found by the handle, or made from the available data."""
    contact = rows.get(Contact, "")
    if contact is None:
        yield ce.ContactCreated(
            interaction_id=where,
            contact_id=rows.key,
            handle_id=command.handle_id,
            channel=command.channel,
            profile_id=forwarding.profile_id(rows, command.handle_id),
        )
    else:
        yield from forwarding.note_profile(rows, command, where)
    how = "created" if contact is None else "found"
    contact_id = rows.key if contact is None else contact.contact_id
    yield e.ContactResolved(interaction_id=where, contact_id=contact_id, how=how)


def _continue(
    rows: Rows,
    command: c.ReceiveMessage,
    context: Context,
    rules: Rules,
    account: Account,
    where: str,
    before: Interaction,
    judged: Judged,
    joined: str,
    action: str,
) -> Events:
    """The customer writes again: what waits keeps its place; what was answered wants an agent again."""
    if rows.get(Contact, "") is not None and rows.get(Address, command.handle_id) is not None:
        yield from forwarding.note_profile(rows, command, where)
    if judged.name == OPT_OUT:
        yield ce.OptedOut(interaction_id=where, contact_id=before.contact_id, item_id=command.item_id)
    if joined == "attached" or action == "ignore":
        return
    occasion = automatic.Occasion(rows, context, rules, account, where, command)
    if before.state == "out_of_hours":
        noticed = yield from automatic.notice(occasion)
        yield from placing.explain_notice(rows, where, noticed)
    elif before.state == "replied":
        agent = before.agent_id
        if agent is not None and rules.holding(account, context.now, context.emergencies) is None:
            noticed = yield from automatic.notice(occasion)
            yield from placing.explain_notice(rows, where, noticed)
            yield e.Assigned(interaction_id=where, contact_id=before.contact_id, agent_id=agent, why="written_again")
        else:
            noticed = yield from automatic.notice(occasion)
            yield from placing.place(rows, context, rules, account, where, "written_again", noticed)
    yield from automatic.suggest(occasion, judged.filter)
    yield from sessions.open_if_talking(rows, where, context)
