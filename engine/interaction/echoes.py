"""The account's own posts and messages: echoes of our deliveries, and what somebody wrote on the platform itself."""

from engine.decider import Context, Decision, Duplicate, Refusal
from engine.envelope import words_digest
from engine.interaction import commands as c
from engine.interaction import events as e
from engine.interaction import forwarding, posting
from engine.interaction.state import Delivery, Interaction, Item, Link, PendingWords, Talks, Thread, talk_id
from engine.rows import Rows
from engine.text import comparable


def record_own_post(rows: Rows, command: c.RecordOwnPost, context: Context) -> Decision:
    """The account's own post or message: the echo of a delivery of ours, or an answer that was written elsewhere."""
    if rows.get(Item, command.item_id) is not None or forwarding.was_passed_on(rows, command):
        return Duplicate(None)
    echoed = _echoed(rows, command)
    if echoed is not None:
        delivery_id, delivery = echoed
        if delivery.state == "posted":
            return Duplicate(delivery.interaction_id)
        outcome = posting.Posted(command.item_id, command.posted_at, "echo")
        yield from posting.posted(rows, delivery, delivery_id, outcome, context)
        return None
    where = None if command.then else _answered(rows, command)
    if where is None:
        asked = forwarding.ask_in_turn(rows, command)
        if asked:
            yield forwarding.forward(command, *asked)
            return None
        home = _contact(rows, command)
        if home is None:
            named = command.in_reply_to or "a private conversation"
            return Refusal("unknown_item", f"the account answered {named}, which is not known here", False)
        yield forwarding.forward(command, home)
        return None
    interaction = rows.get(Interaction, where)
    if interaction is None:
        raise LookupError(f"an item or a conversation names interaction {where}, which never began")
    yield e.RepliedElsewhere(
        interaction_id=where,
        contact_id=interaction.contact_id,
        item_id=command.item_id,
        in_reply_to=command.in_reply_to,
        visibility=command.visibility,
        posted_at=command.posted_at,
        first_response=not interaction.answered,
        open_for=posting.open_for(interaction, command.posted_at, context),
        content_id=f"{rows.key}:o:{command.item_id}",
        words=words_digest(command.salt, command.text),
    )
    return None


def _answered(rows: Rows, command: c.RecordOwnPost) -> str | None:
    """The interaction that the post answers: that of the item it names, or what goes on in private."""
    if command.in_reply_to is not None:
        item = rows.get(Item, command.in_reply_to)
        return None if item is None else item.interaction_id
    talks = rows.get(Talks, talk_id(command.channel, command.account))
    return talks.interactions[-1] if talks is not None and talks.interactions else None


def _contact(rows: Rows, command: c.RecordOwnPost) -> str | None:
    """The key to which this one's private conversations are linked."""
    link = rows.get(Link, "") if command.in_reply_to is None else None
    passed = rows.key in command.via or len(command.via) >= forwarding.MOST_HOPS
    return None if link is None or passed else link.to


def _echoed(rows: Rows, command: c.RecordOwnPost) -> tuple[str, Delivery] | None:
    """The delivery that this post is the echo of: the one that it names, or same message answered and same words."""
    if command.delivery_id is not None:
        delivery = rows.get(Delivery, command.delivery_id)
        if delivery is not None:
            return command.delivery_id, delivery
    wanted = comparable(command.text)
    for words in rows.walk(PendingWords):
        delivery = rows.get(Delivery, words.delivery_id)
        if delivery is None or delivery.state == "waiting" or delivery.visibility != command.visibility:
            continue
        if not _may_answer(rows, command.in_reply_to, delivery):
            continue
        if comparable(words.text) == wanted:
            return words.delivery_id, delivery
    return None


def _may_answer(rows: Rows, named: str | None, delivery: Delivery) -> bool:
    """Whether a delivery answers what the platform names: the very message, or on Facebook the thread that it is in."""
    if named is None or delivery.in_reply_to == named:
        return True
    thread = rows.get(Thread, named)
    return thread is not None and thread.interaction_id == delivery.interaction_id
