"""A customer's message: joining, the keyword filter, the contact, closures and notices, the queue."""

import hashlib
from collections.abc import Generator

from engine.decider import Context, Decision, Duplicate, Refusal
from engine.envelope import derive, home_of, interaction_id, words_digest
from engine.interaction import commands as c
from engine.interaction import contact_events as ce
from engine.interaction import events as e
from engine.bookkeeping import NEVER, Timer
from engine.interaction.state import Contact, Interaction, Item, Key, Latest, Noticed, contact_of
from engine.policy.document import Account, Filter, Notice
from engine.policy.hours import Closure
from engine.policy.rules import Rules, notice_text
from engine.record import Event
from engine.rows import Rows

Events = Generator[Event, None, None]


def receive_message(rows: Rows, command: c.ReceiveMessage, context: Context) -> Decision:
    """What a message leads to, from its receipt to the queue; nothing, when it was here before."""
    known = rows.get(Item, command.item_id)
    if known is not None:
        return Duplicate(known.interaction_id)
    rules = context.rules
    if rules is None:
        return Refusal("no_policy", "no policy is in force: publish one, then send the message again", False, kept=True)
    account = _receiver(rules, command)
    if account is None:
        names = ", ".join(f"{command.channel}:{one}" for one in command.accounts)
        reason = f"the policy has none of the accounts {names}: add one, then send the message again"
        return Refusal("unknown_account", reason, False, kept=True)

    matched = rules.filters.match(command.text)
    action = "route" if matched is None else matched.action
    joined, interaction = _join(rows, command, account, action, rules.join_recent)
    latest = rows.get(Latest, f"{account.channel}:{account.id}")
    where = interaction or interaction_id(rows.key, _count(rows) + 1)
    before = rows.get(Interaction, where)
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
        follows=latest.interaction_id if joined == "opened" and latest is not None else None,
        filter=None if matched is None else matched.name,
        action="route" if joined == "opened" and action == "attach" else action,
    )
    if joined == "opened":
        yield from _begin(rows, command, context, rules, account, where, matched)
    elif before is not None and joined != "attached" and action != "ignore":
        yield from _continue(rows, command, context, rules, account, where, before)
    return None


def _receiver(rules: Rules, command: c.ReceiveMessage) -> Account | None:
    for candidate in command.accounts:
        account = rules.account(command.channel, candidate)
        if account is not None:
            return account
    return None


def _count(rows: Rows) -> int:
    counted = rows.get(Key, "")
    return 0 if counted is None else counted.interactions


def _join(
    rows: Rows, command: c.ReceiveMessage, account: Account, action: str, join_recent: int
) -> tuple[str, str | None]:
    """How the message comes to its interaction, and which; `opened` with None for a new one."""
    latest = rows.get(Latest, f"{account.channel}:{account.id}")
    answered = None if command.in_reply_to is None else rows.get(Item, command.in_reply_to)
    if answered is not None:
        holder = rows.get(Interaction, answered.interaction_id)
        if holder is not None and holder.account == account.id:
            if action == "attach":
                return "attached", answered.interaction_id
            if holder.state != "dispositioned":
                return "thread", answered.interaction_id
    latest_row = None if latest is None else rows.get(Interaction, latest.interaction_id)
    if latest is not None and latest_row is not None:
        if action == "attach":
            return "attached", latest.interaction_id
        lately = command.posted_at - latest_row.active_at <= join_recent
        answers = command.in_reply_to is not None or command.visibility == "private"
        if answers and lately and latest_row.state != "dispositioned":
            return "recent", latest.interaction_id
    return "opened", None


def _begin(
    rows: Rows,
    command: c.ReceiveMessage,
    context: Context,
    rules: Rules,
    account: Account,
    where: str,
    matched: Filter | None,
) -> Events:
    if matched is not None and matched.action == "ignore":
        yield e.FilteredOut(interaction_id=where, actor_kind="policy", filter=matched.name)
        yield e.Dispositioned(interaction_id=where, actor_kind="policy", code="filtered_out")
        return
    contact = rows.get(Contact, "")
    if contact is None:
        yield ce.ContactCreated(
            interaction_id=where,
            contact_id=rows.key,
            handle_id=command.handle_id,
            channel=command.channel,
            profile_id=f"{command.handle_id}:p",
        )
    contact_id = rows.key if contact is None else contact.contact_id
    how = "created" if contact is None else "found"
    yield e.ContactResolved(interaction_id=where, contact_id=contact_id, how=how)
    yield from hold_or_queue(rows, context, rules, account, where, "received", command)


def _continue(
    rows: Rows,
    command: c.ReceiveMessage,
    context: Context,
    rules: Rules,
    account: Account,
    where: str,
    before: Interaction,
) -> Events:
    """The customer writes again: what waits keeps its place; what was answered wants an agent again."""
    if before.state == "out_of_hours":
        closure = rules.closure(account, context.now, context.emergencies)
        if closure is not None:
            yield from _notice(rows, context, rules, account, where, closure, command)
    elif before.state == "replied":
        agent = before.agent_id
        if agent is not None and rules.holding(account, context.now, context.emergencies) is None:
            closure = rules.closure(account, context.now, context.emergencies)
            if closure is not None:
                yield from _notice(rows, context, rules, account, where, closure, command)
            yield e.Assigned(interaction_id=where, contact_id=before.contact_id, agent_id=agent, why="written_again")
        else:
            yield from hold_or_queue(rows, context, rules, account, where, "written_again", command)


def hold_or_queue(
    rows: Rows,
    context: Context,
    rules: Rules,
    account: Account,
    where: str,
    why: str,
    command: c.ReceiveMessage | None,
) -> Events:
    """The closure's notice, if one applies; out of hours while one holds it back, else into the queue."""
    closure = rules.closure(account, context.now, context.emergencies)
    noticed = ""
    if closure is not None:
        noticed = yield from _notice(rows, context, rules, account, where, closure, command)
    holding = rules.holding(account, context.now, context.emergencies)
    if holding is None:
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


def queue(
    rows: Rows,
    context: Context,
    rules: Rules,
    account: Account,
    where: str,
    why: str,
    to_queue: str | None = None,
    to_agent: str | None = None,
) -> Events:
    """Into the queue named, else the one that the filter of its first message names, else the account's."""
    name, priority = _place(rows, rules, account, where)
    chosen = rules.queues.get(to_queue or name) or rules.queues[account.queue]
    yield e.Queued(
        interaction_id=where,
        actor_kind="policy",
        contact_id=contact_of(rows, where),
        queue=chosen.name,
        pool=chosen.pool,
        skills=[] if to_agent else list(chosen.skills),
        group=None if to_agent else chosen.group,
        agent=to_agent,
        priority=chosen.priority if priority is None else priority,
        request_id=_request_id(rows, where),
        expires_at=None if rules.expire_after is None else context.now + rules.expire_after,
        why=why,
    )


def _place(rows: Rows, rules: Rules, account: Account, where: str) -> tuple[str, int | None]:
    """The queue, and the priority where it is not the queue's own."""
    interaction = rows.get(Interaction, where)
    for one in rules.policy.filters:
        if interaction is not None and one.name == interaction.filter:
            return one.queue or account.queue, one.priority
    return account.queue, None


def _request_id(rows: Rows, where: str) -> str:
    """A request of its own for each time that the interaction is queued: derived from what it waits behind."""
    interaction = rows.get(Interaction, where)
    number = 1 if interaction is None else interaction.requests + 1
    return derive(where, "request", number)


def _notice(
    rows: Rows,
    context: Context,
    rules: Rules,
    account: Account,
    where: str,
    closure: Closure,
    command: c.ReceiveMessage | None,
) -> Generator[Event, None, str]:
    """Asks for the closure's notice, once for each contact, account and closure. Returns what came of it."""
    notice = rules.notices.get(account.notices.get(closure.kind, ""))
    if notice is None or command is None:
        return "not_configured"
    if rows.get(Noticed, closure.closure_id) is not None:
        return "already_sent"
    if context.now - command.posted_at > rules.notice_max_age:
        return "too_old"
    language = _wording(notice, command.language, account)
    text = notice_text(notice, language, command.screen_name)
    delivery_id = derive(command.command_id, "notice")
    yield e.NoticeRequested(
        interaction_id=where,
        actor_kind="policy",
        contact_id=contact_of(rows, where),
        delivery_id=delivery_id,
        closure=closure.closure_id,
        kind=closure.kind,
        template=notice.name,
        language=language,
        visibility=notice.visibility,
        in_reply_to=command.item_id,
        content_id=f"{home_of(where)}:r:{delivery_id}",
        words=words_digest(notice_salt(command.salt), text),
    )
    return "requested"


def notice_salt(salt: bytes) -> bytes:
    """The salt of a notice, from that of the message that it answers.

    One of its own, because a salt goes with the words that it belongs to: the notice stays when the message is erased.
    """
    return hashlib.sha256(b"notice\x00" + salt).digest()[:16]


def _wording(notice: Notice, language: str | None, account: Account) -> str:
    """The language of the text: the platform's, else the account's, else the first there is."""
    spoken = (candidate for candidate in (language, account.language) if candidate in notice.text)
    return next(spoken, None) or next(iter(notice.text))


def look_again(rows: Rows, timer: Timer, context: Context) -> Decision:
    """The deadline of a closure: into the queue if none applies any more, else held on."""
    interaction = rows.get(Interaction, timer.ref)
    if interaction is None or interaction.state != "out_of_hours" or context.rules is None:
        return None
    account = context.rules.account(interaction.channel, interaction.account)
    # Of an account that the policy dropped, interactions wait until a policy has it again.
    dropped = Closure(f"dropped:{interaction.channel}:{interaction.account}", "closed", None)
    closure = context.rules.holding(account, context.now, context.emergencies) if account else dropped
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


def _waits(interaction: Interaction) -> bool:
    """Whether nobody works on it yet, though it may be offered."""
    return interaction.state in ("queued", "out_of_hours") or (
        interaction.state == "assigned" and not interaction.accepted
    )


def delete_message(rows: Rows, command: c.DeleteMessage, context: Context) -> Decision:
    """The customer deleted a message; a waiting interaction whose every message is gone is withdrawn."""
    item = rows.get(Item, command.item_id)
    if item is None or item.author != "customer":
        return Refusal("unknown_item", f"no message {command.item_id} of a customer is known here", recorded=False)
    if item.deleted:
        return Duplicate(item.interaction_id)
    interaction = rows.get(Interaction, item.interaction_id)
    contact_id = None if interaction is None else interaction.contact_id
    yield e.MessageDeleted(
        interaction_id=item.interaction_id,
        contact_id=contact_id,
        item_id=command.item_id,
        content_id=item.content_id,
    )
    after = rows.get(Interaction, item.interaction_id)
    if after is not None and after.live_items == 0 and _waits(after):
        yield e.Dispositioned(interaction_id=item.interaction_id, contact_id=contact_id, code="withdrawn")
    return None
