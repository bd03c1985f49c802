"""What the simulated Facebook and Messenger remember, and their rules. In memory."""

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from channels.simulator import meta_errors as errors
from channels.simulator.journal import Journal
from channels.simulator.limits import DAY, HOUR
from channels.simulator.meta_credentials import psid
from channels.simulator.meta_errors import GraphError
from channels.simulator.meta_records import MetaItem, Person
from channels.simulator.switches import Switches
from engine.text import COMMENT_LIMIT, MESSENGER_LIMIT, units

WINDOW: Final = 24 * HOUR
"""After a customer's message the page may write freely for so long (milliseconds)."""
HUMAN_WINDOW: Final = 7 * DAY
"""And a person, with the tag HUMAN_AGENT, for so long."""
PRIVATE_ANSWER_WINDOW: Final = 7 * DAY
"""So long after a comment the page may answer it privately."""
HUMAN_AGENT: Final = "HUMAN_AGENT"


@dataclass(slots=True)
class MetaPlatform:
    """All posts, comments and messages of all pages."""

    app_secret: str
    switches: Switches
    journal: Journal = field(default_factory=Journal)
    items: dict[str, MetaItem] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    """Of pages."""
    refused: Counter[str] = field(default_factory=Counter)
    _heard: dict[tuple[str, str], int] = field(default_factory=dict)
    """When a person last wrote to a page, by page and PSID."""
    _known: set[tuple[str, str]] = field(default_factory=set)
    """Whom a page can address at all."""
    _last_id: int = 0

    def remember(self, item: MetaItem) -> None:
        """Something that a customer, or the page elsewhere, wrote."""
        self.items[item.item_id] = item
        if item.channel == "messenger" and not item.own:
            self._known.add((item.page, item.person))
            before = self._heard.get((item.page, item.person), item.at)
            self._heard[item.page, item.person] = max(before, item.at)

    def comment(self, page: str, target: str, text: str) -> MetaItem | GraphError:
        """The page's answer under a post or comment."""
        answered = self._on_page(page, target)
        if answered is None:
            return self._refuse(errors.NO_OBJECT)
        if not text:
            return self._refuse(errors.BAD_PARAMETER)
        if units(text) > COMMENT_LIMIT:
            return self._refuse(errors.COMMENT_TOO_LONG)
        post_id = answered.post_id
        item = MetaItem(
            item_id=f"{post_id.rpartition('_')[2]}_{self.next_number()}",
            kind="comment",
            page=page,
            author=None,
            text=text,
            at=self.switches.now(),
            own=True,
            in_reply_to=target,
            post_id=post_id,
        )
        self.items[item.item_id] = item
        self.journal.add("facebook", "reply", page, item.at, target=target, text=text, item_id=item.item_id)
        return item

    def like(self, page: str, target: str) -> bool | GraphError:
        """Whether the like is new: Meta takes a second one for the first."""
        liked = self._on_page(page, target)
        if liked is None:
            return self._refuse(errors.NO_OBJECT)
        is_new, liked.liked = not liked.liked, True
        if is_new:
            self.journal.add("facebook", "like", page, self.switches.now(), target=target)
        return is_new

    def hide(self, page: str, target: str, hidden: bool) -> bool | GraphError:
        """Whether a comment's visibility changed. The page's own comments can't be hidden."""
        comment = self._on_page(page, target)
        if comment is None or comment.kind != "comment":
            return self._refuse(errors.NO_OBJECT)
        if comment.own:
            return self._refuse(errors.NO_PERMISSION)
        changed, comment.hidden = comment.hidden != hidden, hidden
        if changed:
            self.journal.add("facebook", "hide" if hidden else "unhide", page, self.switches.now(), target=target)
        return changed

    def delete(self, page: str, target: str) -> MetaItem | GraphError:
        """What is gone now."""
        item = self._on_page(page, target)
        if item is None:
            return self._refuse(errors.NO_OBJECT)
        item.deleted = True
        self.journal.add("facebook", "delete", page, self.switches.now(), target=target)
        return item

    def message(
        self, page: str, recipient: str, text: str, tag: str | None, metadata: str | None
    ) -> MetaItem | GraphError:
        """The page's message to a person, within the windows that Messenger leaves for it."""
        refusal = self._message_refusal(page, recipient, text, tag)
        if refusal is not None:
            return self._refuse(refusal)
        return self._sent(page, recipient, text, metadata, action="message", tag=tag)

    def private_answer(self, page: str, target: str, text: str, metadata: str | None) -> MetaItem | GraphError:
        """The one message by which a page may answer a post or comment in private."""
        answered = self._on_page(page, target)
        if answered is None:
            return self._refuse(errors.NO_OBJECT)
        if answered.own or self.switches.now() - answered.at > PRIVATE_ANSWER_WINDOW:
            return self._refuse(errors.NOT_REPLIABLE)
        if answered.answered_privately:
            return self._refuse(errors.REPLIED)
        if not text or units(text) > MESSENGER_LIMIT:
            return self._refuse(errors.TOO_LONG if text else errors.BAD_PARAMETER)
        answered.answered_privately = True
        recipient = psid(self.app_secret, page, answered.person)
        self._known.add((page, recipient))
        return self._sent(page, recipient, text, metadata, action="private_answer", target=target)

    def comments(self, target: str, stream: bool) -> Iterator[MetaItem]:
        """What stands under a post or comment, the oldest first; `stream`: the answers to comments too."""
        return (
            item
            for item in self.items.values()
            if item.kind == "comment" and not item.deleted
            if item.in_reply_to == target or (stream and item.post_id == target)
        )

    def conversation(self, page: str, person: str) -> list[MetaItem]:
        """The messages between a page and a person, the latest first."""
        found = [
            item
            for item in self.items.values()
            if item.channel == "messenger" and (item.page, item.person) == (page, person) and not item.deleted
        ]
        return sorted(found, key=lambda item: item.at, reverse=True)

    def people(self, page: str) -> list[str]:
        """The PSIDs with whom a page has a conversation."""
        found = (item.person for item in self.items.values() if item.channel == "messenger" and item.page == page)
        return list(dict.fromkeys(found))

    def page_name(self, page: str) -> str:
        return self.names.get(page, f"Page {page}")

    def next_number(self) -> int:
        """Numbers grow with time."""
        self._last_id = max(self._last_id + 1, self.switches.now() * 100)
        return self._last_id

    def next_mid(self) -> str:
        """The id of a message."""
        digest = hashlib.sha256(f"{self.app_secret} {self.next_number()}".encode()).hexdigest()
        return f"m_{digest[:40]}"

    def _message_refusal(self, page: str, recipient: str, text: str, tag: str | None) -> GraphError | None:
        if not text:
            return errors.BAD_PARAMETER
        if units(text) > MESSENGER_LIMIT:
            return errors.TOO_LONG
        if tag not in (None, HUMAN_AGENT):
            return errors.BAD_PARAMETER
        if (page, recipient) not in self._known:
            return errors.NO_USER
        heard = self._heard.get((page, recipient))
        window = WINDOW if tag is None else HUMAN_WINDOW
        return errors.OUTSIDE_WINDOW if heard is None or self.switches.now() - heard > window else None

    def _sent(
        self,
        page: str,
        recipient: str,
        text: str,
        metadata: str | None,
        *,
        action: str,
        tag: str | None = None,
        target: str | None = None,
    ) -> MetaItem:
        item = MetaItem(
            item_id=self.next_mid(),
            kind="message",
            page=page,
            author=Person(recipient),
            text=text,
            at=self.switches.now(),
            own=True,
            person=recipient,
            delivery_id=metadata,
            in_reply_to=target,
        )
        self.items[item.item_id] = item
        channel = "messenger" if action == "message" else "facebook"
        self.journal.add(
            channel,
            action,
            page,
            item.at,
            target=target,
            recipient=recipient,
            text=text,
            item_id=item.item_id,
            delivery_id=metadata,
            tag=tag,
        )
        return item

    def _on_page(self, page: str, item_id: str) -> MetaItem | None:
        """A post or comment of the page that is there."""
        item = self.items.get(item_id)
        is_there = item is not None and item.page == page and item.channel == "facebook" and not item.deleted
        return item if is_there else None

    def _refuse(self, error: GraphError) -> GraphError:
        self.refused[str(error.subcode or error.code)] += 1
        return error
