"""An agent's answer: where it goes, in how many parts, and the move from public to private."""

import hashlib
from collections.abc import Generator
from typing import Final

from engine.decider import Context, Decision, Duplicate, Refusal
from engine.envelope import derive, words_digest
from engine.interaction import commands as c
from engine.interaction import events as e
from engine.interaction import invitations
from engine.interaction.routes import MAX_TEXT, Route, limit_of, route, too_long
from engine.interaction.state import Address, Delivery, Interaction, Item
from engine.interaction.working import of_agent
from engine.record import Event
from engine.rows import Rows
from engine.text import split

LINK = "{link}"

ALWAYS_IN_TIME: Final = 3_600_000
"""How old what an agent asks for may be in any case, milliseconds: a policy that tries for a short time only refuses
nothing that waited while an engine was started again."""


def reply(rows: Rows, command: c.Reply, context: Context) -> Decision:
    """The assigned agent answers a message of the interaction."""
    if rows.get(Delivery, _delivery_id(command.command_id, 1)) is not None:
        return Duplicate(command.interaction_id)
    interaction = _answerable(rows, command, context)
    if isinstance(interaction, Refusal):
        return interaction
    visibility = command.visibility or _visibility(rows, command.in_reply_to or interaction.latest_item)
    refusal = _unanswerable(rows, command, visibility) if command.in_reply_to else None
    if refusal is None and command.in_reply_to is None:
        refusal = _deleted(rows, interaction, visibility)
    if refusal is not None:
        return refusal
    way = _way(rows, interaction, visibility, command.in_reply_to, context)
    if isinstance(way, Refusal):
        return way
    parts = _parts(interaction, way, command.text, context)
    if isinstance(parts, Refusal):
        return parts
    yield from _request(rows, command, interaction, way, parts, command.salt)
    return None


def part_of(text: str, channel: str, event: e.ReplyRequested) -> str:
    """The words of one part of an answer."""
    return text if event.parts == 1 else split(text, limit_of(channel, event.action))[event.part - 1]


def move_to_private(rows: Rows, command: c.MoveToPrivate, context: Context) -> Decision:
    """The agent asks the customer to go on in private.

    With a private text that one is sent first, and the announcement once it arrived; else the announcement has the
    link that the customer follows.
    """
    first = _delivery_id(command.command_id, 1)
    if rows.get(Delivery, first) is not None:
        return Duplicate(command.interaction_id)
    interaction = _answerable(rows, command, context)
    if isinstance(interaction, Refusal):
        return interaction
    refusal = _immovable(command, interaction)
    if refusal is not None:
        return refusal
    private = None if command.text is None else _way(rows, interaction, "private", None, context)
    public = None if command.announcement is None else _way(rows, interaction, "public", None, context)
    announcement = announcement_of(command, interaction)
    for way, text in ((private, command.text), (public, announcement)):
        if isinstance(way, Refusal):
            return way
        refusal = None if way is None else _unpostable(interaction, way, text or "")
        if refusal is not None:
            return refusal
    if isinstance(private, Route):
        yield from _request(rows, command, interaction, private, [command.text or ""], command.salt, moves=True)
    else:
        yield _moved_by_link(command, interaction, context)
    if isinstance(public, Route):
        yield _announce(rows, command, interaction, public, announcement or "", None if private is None else first)
    return None


def announcement_of(command: c.MoveToPrivate, interaction: Interaction) -> str | None:
    """The announcement with the link in its place."""
    if command.announcement is None:
        return None
    ref = None if interaction.channel == "x" else invitations.reference(command.interaction_id, command)
    return command.announcement.replace(LINK, invitations.link(interaction.channel, interaction.account, ref))


def announcement_salt(salt: bytes) -> bytes:
    """The salt of an announcement, from that of the command: each text has one of its own, which goes with it."""
    return hashlib.sha256(b"announcement\x00" + salt).digest()[:16]


def _answerable(rows: Rows, command: c.Reply | c.MoveToPrivate, context: Context) -> Interaction | Refusal:
    """The interaction, if it is the agent's and what was written is not too old: it may have waited as a dead letter.

    Too old is what would no longer be tried again if it had been asked for in time.
    """
    interaction = of_agent(rows, command)
    if isinstance(interaction, Refusal) or context.rules is None:
        return interaction
    limit = max(context.rules.retry_for, ALWAYS_IN_TIME)
    if context.now - command.at <= limit:
        return interaction
    reason = f"it was written more than {limit // 60_000} minutes ago, and is not posted so late: answer anew"
    return Refusal("too_old", reason)


def _immovable(command: c.MoveToPrivate, interaction: Interaction) -> Refusal | None:
    if interaction.latest_public is None:
        return Refusal("not_available", "it is private already")
    if command.text is None and LINK not in (command.announcement or ""):
        reason = "nothing would lead the customer there: give a private text, or put {link} into the announcement"
        return Refusal("no_invitation", reason)
    return None


def _moved_by_link(command: c.MoveToPrivate, interaction: Interaction, context: Context) -> Event:
    on_x = interaction.channel == "x"
    ref = invitations.reference(command.interaction_id, command)
    return e.MovedToPrivate(
        interaction_id=command.interaction_id,
        contact_id=interaction.contact_id,
        agent_id=command.agent_id,
        how="link",
        channel="x" if on_x else "messenger",
        invitation=None if on_x else invitations.digest(ref),
        until=None if on_x or context.rules is None else context.now + context.rules.invitation_for,
    )


def _announce(
    rows: Rows, command: c.MoveToPrivate, interaction: Interaction, way: Route, text: str, after: str | None
) -> Event:
    delivery_id = derive(command.command_id, "announcement")
    return e.ReplyRequested(
        interaction_id=command.interaction_id,
        contact_id=interaction.contact_id,
        delivery_id=delivery_id,
        agent_id=command.agent_id,
        visibility=way.visibility,
        action=way.action,
        in_reply_to=way.in_reply_to,
        content_id=f"{rows.key}:r:{delivery_id}",
        words=words_digest(announcement_salt(command.salt), text),
        after=after,
    )


def _request(
    rows: Rows,
    command: c.Reply | c.MoveToPrivate,
    interaction: Interaction,
    way: Route,
    parts: list[str],
    salt: bytes,
    *,
    moves: bool = False,
) -> Generator[Event, None, None]:
    for number, part in enumerate(parts, start=1):
        delivery_id = _delivery_id(command.command_id, number)
        yield e.ReplyRequested(
            interaction_id=command.interaction_id,
            contact_id=interaction.contact_id,
            delivery_id=delivery_id,
            agent_id=command.agent_id,
            visibility=way.visibility,
            action=way.action,
            recipient_handle=way.recipient_handle,
            tag=way.tag,
            in_reply_to=way.in_reply_to,
            content_id=f"{rows.key}:r:{delivery_id}",
            words=words_digest(salt, part),
            after=None if number == 1 else _delivery_id(command.command_id, number - 1),
            part=number,
            parts=len(parts),
            moves=moves,
        )


def _delivery_id(command_id: str, part: int) -> str:
    return derive(command_id, "delivery") if part == 1 else derive(command_id, "delivery", part)


def _visibility(rows: Rows, item_id: str) -> str:
    item = rows.get(Item, item_id)
    return "public" if item is None else item.visibility


def _unanswerable(rows: Rows, command: c.Reply, visibility: str) -> Refusal | None:
    """Why the message that the agent names can't be answered."""
    item = rows.get(Item, command.in_reply_to or "")
    if item is None or item.interaction_id != command.interaction_id or item.author != "customer":
        return Refusal("unknown_item", f"no message {command.in_reply_to} of the customer is part of this interaction")
    if item.deleted and visibility == "public":
        return Refusal("deleted_item", f"the customer deleted message {command.in_reply_to}")
    return None


def _deleted(rows: Rows, interaction: Interaction, visibility: str) -> Refusal | None:
    """Why the customer's latest message can't be answered."""
    item_id = interaction.latest_public if visibility == "public" else None
    item = None if item_id is None else rows.get(Item, item_id)
    if item is not None and item.deleted:
        return Refusal("deleted_item", f"the customer deleted message {item_id}")
    return None


def _way(
    rows: Rows, interaction: Interaction, visibility: str, answered: str | None, context: Context
) -> Route | Refusal:
    if visibility not in ("public", "private"):
        return Refusal("unknown_visibility", "an answer is public or private")
    if answered is not None and _visibility(rows, answered) != visibility:
        # A private answer to a public post names that post; a public one can't answer what is private.
        if visibility == "public":
            return Refusal("not_available", "a private message can't be answered in public")
        if interaction.private_handle is not None:
            answered = None
    way = route(rows, interaction, visibility, answered, context.now, by_person=True)
    if isinstance(way, Route) and way.action == "message" and rows.get(Address, way.recipient_handle or "") is None:
        return Refusal("unknown_recipient", "it is not known where the customer is reached: the names were erased")
    return way


def _parts(interaction: Interaction, way: Route, text: str, context: Context) -> list[str] | Refusal:
    """The text in one part, or, where the account's policy says so, in as many as it needs."""
    refusal = _unpostable(interaction, way, text)
    if refusal is None:
        return [text]
    rules = context.rules
    account = None if rules is None else rules.account(interaction.channel, interaction.account)
    splits = account is not None and account.long_text == "split" and way.visibility == "private"
    if refusal.code != "too_long" or not splits or len(text) > MAX_TEXT or way.action == "private_answer":
        return refusal  # a comment gets one private answer, so there is no second part
    return split(text, limit_of(interaction.channel, way.action))


def _unpostable(interaction: Interaction, way: Route, text: str) -> Refusal | None:
    if not text.strip():
        return Refusal("empty", "an answer needs a text")
    return too_long(interaction.channel, way.action, text)
