"""What a rule says or does without a person: notices of closures, answers and engagements of filters.

However many rules apply, a message gets one automatic answer (a notice before a filter's), a contact no more in 24
hours than the policy says, an interaction on X one (X's automation rules), and who opted out none.
"""

import hashlib
from collections.abc import Generator
from typing import Final, NamedTuple

from engine.decider import Context, Refusal
from engine.envelope import derive, words_digest
from engine.interaction import commands as c
from engine.interaction import events as e
from engine.interaction.routes import Route, route
from engine.interaction.state import Contact, Interaction, Noticed
from engine.policy.document import Account, Filter, Notice
from engine.policy.rules import Rules, notice_text
from engine.record import Event
from engine.rows import Rows

DAY: Final = 86_400_000


class Occasion(NamedTuple):
    """One message for which something may be due."""

    rows: Rows
    context: Context
    rules: Rules
    account: Account
    where: str
    command: c.ReceiveMessage

    @property
    def interaction(self) -> Interaction:
        """The interaction as it stands."""
        interaction = self.rows.get(Interaction, self.where)
        if interaction is None:
            raise LookupError(f"interaction {self.where} never began")
        return interaction


def notice(occasion: Occasion) -> Generator[Event, None, str]:
    """Asks for the notice of the closure that applies, once for each contact, account and closure.

    Returns what came of it (see OutOfHours.notice); empty when no closure applies.
    """
    closure = occasion.rules.closure(occasion.account, occasion.context.now, occasion.context.emergencies)
    if closure is None:
        return ""
    template = occasion.rules.notices.get(occasion.account.notices.get(closure.kind, ""))
    if template is None:
        return "not_configured"
    if occasion.rows.get(Noticed, closure.closure_id) is not None:
        return "already_sent"
    way = _way(occasion, template)
    if isinstance(way, str):
        return way
    delivery_id = derive(occasion.command.command_id, "notice")
    language = _language(occasion, template)
    yield e.NoticeRequested(
        interaction_id=occasion.where,
        actor_kind="policy",
        contact_id=occasion.interaction.contact_id,
        delivery_id=delivery_id,
        closure=closure.closure_id,
        kind=closure.kind,
        template=template.name,
        language=language,
        visibility=way.visibility,
        action=way.action,
        recipient_handle=way.recipient_handle,
        in_reply_to=way.in_reply_to,
        content_id=f"{occasion.rows.key}:r:{delivery_id}",
        words=_digest(occasion, template, language),
    )
    return "requested"


def act(occasion: Occasion, found: Filter | None, *, noticed: bool) -> Generator[Event, None, bool]:
    """What the filter of an opening message leads to beside its queue. Returns whether the interaction waits for that
    alone, to end with it."""
    if found is None or found.action not in ("answer", "engage"):
        return False
    if found.action == "engage" and found.mode == "suggest":
        yield from suggest(occasion, found)
        return False
    if found.action == "answer":
        asked = yield from _answer(occasion, found, noticed=noticed)
    else:
        asked = yield from _engage(occasion, found)
    return asked and found.then == "close"


def suggest(occasion: Occasion, found: Filter | None) -> Generator[Event, None, None]:
    """Proposes the filter's engagement to the agent."""
    if found is None or found.action != "engage" or occasion.command.visibility == "private":
        return
    yield e.EngagementSuggested(
        interaction_id=occasion.where,
        actor_kind="policy",
        contact_id=occasion.interaction.contact_id,
        engagement=found.engagement or "like",
        item_id=occasion.command.item_id,
        filter=found.name,
    )


def text_of(rules: Rules, event: e.NoticeRequested | e.AutoReplyRequested, command: c.ReceiveMessage) -> str:
    """The words of an automatic answer: they follow from the policy and from whom it is to."""
    return notice_text(rules.notices[event.template], event.language, command.screen_name, command.name)


def notice_salt(salt: bytes) -> bytes:
    """The salt of an automatic answer, from that of the message that it answers.

    One of its own, because a salt goes with the words that it belongs to: the answer stays when the message is erased.
    """
    return hashlib.sha256(b"notice\x00" + salt).digest()[:16]


def _answer(occasion: Occasion, found: Filter, *, noticed: bool) -> Generator[Event, None, bool]:
    template = occasion.rules.notices[found.template or ""]
    way = "notice_sent" if noticed else _way(occasion, template)
    if isinstance(way, str):
        yield _withheld(occasion, "answer", found, way)
        return False
    delivery_id = derive(occasion.command.command_id, "answer")
    language = _language(occasion, template)
    yield e.AutoReplyRequested(
        interaction_id=occasion.where,
        actor_kind="policy",
        contact_id=occasion.interaction.contact_id,
        delivery_id=delivery_id,
        filter=found.name,
        template=template.name,
        language=language,
        visibility=way.visibility,
        action=way.action,
        recipient_handle=way.recipient_handle,
        in_reply_to=way.in_reply_to,
        content_id=f"{occasion.rows.key}:r:{delivery_id}",
        words=_digest(occasion, template, language),
        then=found.then,
        disposition=found.disposition,
    )
    return True


def _engage(occasion: Occasion, found: Filter) -> Generator[Event, None, bool]:
    engagement = found.engagement or "like"
    why = _not_engaging(occasion, engagement)
    if why is not None:
        yield _withheld(occasion, "engagement", found, why)
        return False
    yield e.EngagementRequested(
        interaction_id=occasion.where,
        actor_kind="policy",
        contact_id=occasion.interaction.contact_id,
        delivery_id=derive(occasion.command.command_id, "engagement"),
        engagement=engagement,
        item_id=occasion.command.item_id,
        filter=found.name,
        then=found.then,
        disposition=found.disposition,
    )
    return True


def _not_engaging(occasion: Occasion, engagement: str) -> str | None:
    """Why nothing is shared or liked by itself; None: it is."""
    if occasion.command.visibility == "private" or (engagement == "retweet" and occasion.account.channel != "x"):
        return "not_available"
    if (
        occasion.account.channel == "x"
        and engagement != "retweet"
        and occasion.account.platform_permission != "granted"
    ):
        return "not_permitted"  # X: "You may not like posts in an automated manner" (automation rules)
    contact = occasion.rows.get(Contact, "")
    if contact is not None and contact.opted_out:
        return "opted_out"
    return "too_old" if _is_old(occasion) else None


def _withheld(occasion: Occasion, what: str, found: Filter, why: str) -> Event:
    return e.AutomaticWithheld(
        interaction_id=occasion.where,
        actor_kind="policy",
        contact_id=occasion.interaction.contact_id,
        what=what,
        filter=found.name,
        why=why,
    )


def _way(occasion: Occasion, template: Notice) -> Route | str:
    """The way for an automatic text to the author of the message, or why there is none."""
    if _is_old(occasion):
        return "too_old"
    interaction = occasion.interaction
    contact = occasion.rows.get(Contact, "")
    if contact is not None and contact.opted_out:
        return "opted_out"
    if interaction.automatic and occasion.account.channel == "x":
        return "once_per_interaction"
    if contact is not None and _lately(contact, occasion.context.now) >= occasion.rules.automatic_per_day:
        return "daily_cap"
    private = occasion.command.visibility == "private"
    visibility = "private" if private else template.visibility
    if visibility == "private" and not private and occasion.account.platform_permission != "granted":
        return "not_permitted"
    way = route(occasion.rows, interaction, visibility, occasion.command.item_id, occasion.context.now, by_person=False)
    return "not_available" if isinstance(way, Refusal) else way


def _is_old(occasion: Occasion) -> bool:
    return occasion.context.now - occasion.command.posted_at > occasion.rules.notice_max_age


def _lately(contact: Contact, now: int) -> int:
    return sum(now - at < DAY for at in contact.automatic)


def _language(occasion: Occasion, template: Notice) -> str:
    """Set by the agent, else the platform's, else the account's."""
    contact = occasion.rows.get(Contact, "")
    chosen = None if contact is None else contact.language
    return occasion.rules.wording(template, (chosen, occasion.command.language, occasion.account.language))


def _digest(occasion: Occasion, template: Notice, language: str) -> bytes:
    text = notice_text(template, language, occasion.command.screen_name, occasion.command.name)
    return words_digest(notice_salt(occasion.command.salt), text)
