"""What customers do on the simulated Facebook and in Messenger."""

from dataclasses import dataclass
from typing import Final, Literal

from channels.meta.items import FEED_ITEM, MESSAGE, PERSON
from channels.simulator import meta_payloads as payloads
from channels.simulator.hooks import Body
from channels.simulator.meta_platform import MetaPlatform
from channels.simulator.meta_records import MetaItem, Person
from channels.simulator.saying import Edited, Impossible, Said, Speaker, Told

FACEBOOK_KINDS: Final = ("post", "comment", "reaction")
MESSENGER_KINDS: Final = ("message", "postback", "referral", "delivery", "read")


@dataclass(frozen=True, slots=True)
class MetaCustomers:
    """Customers of all pages."""

    platform: MetaPlatform

    def say(self, said: Said) -> Told:
        """Remembers it, and builds what Meta tells the app. Raises Impossible."""
        if PERSON.fullmatch(said.account) is None:
            raise Impossible("account is to be a page's id, a number")
        if said.speaker is not None and PERSON.fullmatch(said.speaker.id) is None:
            raise Impossible("from.id is to be a number")
        match said.channel, said.kind:
            case "facebook", "post":
                return self._feed(said, "post")
            case "facebook", "comment":
                return self._feed(said, "comment")
            case "facebook", "reaction":
                return self._reaction(said)
            case "messenger", ("message" | "postback" | "referral") as kind:
                return self._message(said, kind)
            case "messenger", "delivery" | "read":
                body = payloads.receipt(said.account, _named(said).id, said.kind, said.in_reply_to, self._at(said.at))
                return Told(None, body)
        kinds = ", ".join(FACEBOOK_KINDS if said.channel == "facebook" else MESSENGER_KINDS)
        raise Impossible(f"{said.kind!r} is nothing that happens on {said.channel}; there are {kinds}")

    def edit(self, edited: Edited) -> Told:
        """A customer changes a comment, post or message. Raises Impossible."""
        item, at = self._customers(edited), self._at(edited.at)
        item.text = edited.text
        if item.channel == "messenger":
            return Told(item.item_id, payloads.message_edited(item, at))
        return Told(item.item_id, self._change(item, "edited", at, edited.anonymous))

    def delete(self, edited: Edited) -> Told:
        """A customer takes something away. Raises Impossible."""
        item, at = self._customers(edited), self._at(edited.at)
        item.deleted = True
        if item.channel == "messenger":
            return Told(item.item_id, payloads.message_deleted(item, at))
        return Told(item.item_id, self._change(item, "remove", at, edited.anonymous))

    def _feed(self, said: Said, kind: Literal["post", "comment"]) -> Told:
        number = self.platform.next_number()
        if kind == "post":
            item_id = said.item_id or f"{said.account}_{number}"
            post_id, parent = item_id, None
        else:
            post_id, parent = self._place(said)
            item_id = said.item_id or f"{post_id.rpartition('_')[2]}_{number}"
        if FEED_ITEM.fullmatch(item_id) is None:
            raise Impossible("item_id is to be of letters, digits and underscores")
        if said.speaker is None and not said.text and not said.attachments:
            raise Impossible("a comment has a text or a picture")
        item = MetaItem(
            item_id=item_id,
            kind=kind,
            page=said.account,
            author=None if said.speaker is None else Person(said.speaker.id, said.speaker.name),
            text=said.text,
            at=self._at(said.at),
            in_reply_to=parent,
            post_id=post_id,
            person=said.speaker.id if said.speaker is not None else _unnamed(parent, post_id, item_id),
            is_anonymous=said.anonymous or said.speaker is None,
            attachments=said.attachments,
        )
        self._remember(item)
        return Told(item_id, payloads.change(self.platform, item, "add", item.at))

    def _place(self, said: Said) -> tuple[str, str]:
        """The post under which a comment stands, and its parent: the post, or the comment at the top of its thread.
        Without either it stands under a new post of the page."""
        target = said.thread or said.in_reply_to or said.post_id or f"{said.account}_{self.platform.next_number()}"
        answered = self.platform.items.get(target)
        if answered is None:
            post_id = said.post_id or target
            if post_id not in self.platform.items:
                self.platform.remember(_page_post(said.account, post_id, self._at(said.at)))
            return post_id, target
        top = answered if said.thread is not None else self._top(answered)
        return said.post_id or answered.post_id, top.item_id

    def _top(self, item: MetaItem) -> MetaItem:
        """The comment that stands right under the post: Facebook hangs all answers there."""
        parent = self.platform.items.get(item.in_reply_to or "")
        while parent is not None and parent.kind == "comment":
            item, parent = parent, self.platform.items.get(parent.in_reply_to or "")
        return item

    def _reaction(self, said: Said) -> Told:
        item = self.platform.items.get(said.in_reply_to or "")
        if item is None or item.channel != "facebook":
            raise Impossible("a reaction needs in_reply_to, the id of a post or comment that is there")
        who = said.speaker
        sender: Body = {} if who is None or said.anonymous else {"from": {"id": who.id, "name": who.name or who.id}}
        return Told(None, payloads.reaction(item, sender, self._at(said.at)))

    def _message(self, said: Said, kind: Literal["message", "postback", "referral"]) -> Told:
        speaker = _named(said)
        item = MetaItem(
            item_id=said.item_id or self.platform.next_mid(),
            kind=kind,
            page=said.account,
            author=Person(speaker.id, speaker.name),
            text=said.text,
            at=self._at(said.at),
            in_reply_to=said.in_reply_to,
            person=speaker.id,
            attachments=said.attachments,
            ref=said.ref,
        )
        if MESSAGE.fullmatch(item.item_id) is None:
            raise Impossible("item_id is to be of ASCII signs without blanks")
        self._remember(item)
        return Told(item.item_id, payloads.message(self.platform, item))

    def _remember(self, item: MetaItem) -> None:
        before = self.platform.items.get(item.item_id)
        if before is not None and before.own:
            raise Impossible(f"{item.item_id} is the id of something that was sent through the API")
        self.platform.remember(item)

    def _customers(self, edited: Edited) -> MetaItem:
        item = self.platform.items.get(edited.item_id)
        if item is None or item.own or item.deleted or item.channel != edited.channel:
            raise Impossible(f"{edited.channel} has no item {edited.item_id} of a customer")
        return item

    def _change(self, item: MetaItem, verb: str, at: int, is_anonymous: bool) -> Body:
        was, item.is_anonymous = item.is_anonymous, item.is_anonymous or is_anonymous
        body = payloads.change(self.platform, item, verb, at)
        item.is_anonymous = was
        return body

    def _at(self, at: int | None) -> int:
        return self.platform.switches.now() if at is None else at


def _named(said: Said) -> Speaker:
    if said.speaker is None:
        raise Impossible("in Messenger everybody has an id: from is needed")
    return said.speaker


def _page_post(page: str, post_id: str, at: int) -> MetaItem:
    """A post that the page has written before anybody was told of it."""
    return MetaItem(post_id, "post", page, None, "", at, own=True, post_id=post_id)


def _unnamed(parent: str | None, post_id: str, item_id: str) -> str:
    """Somebody without a name is one person within a thread."""
    return f"thread {parent if parent is not None and parent != post_id else item_id}"
