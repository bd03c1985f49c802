"""What customers do on the simulated X."""

from dataclasses import dataclass
from typing import Final

from channels.simulator import x_payloads as payloads
from channels.simulator.saying import Edited, Impossible, Said, Speaker, Told
from channels.simulator.x_platform import Platform
from channels.simulator.x_records import Author, Message
from channels.x.items import ID

KINDS: Final = ("mention", "reply", "quote", "direct_message", "like", "retweet")


@dataclass(frozen=True, slots=True)
class XCustomers:
    """Customers of all accounts."""

    platform: Platform

    def say(self, said: Said) -> Told:
        """Remembers it, and builds what X tells the account. Raises Impossible."""
        speaker = _speaker(said)
        at = self.platform.switches.now() if said.at is None else said.at
        match said.kind:
            case "direct_message":
                return self._message(said, speaker, at)
            case "mention" | "reply" | "quote":
                return self._post(said, speaker, at)
            case "like":
                self._name(speaker)
                return Told(None, payloads.liked(self.platform, said.account, speaker.id, self._target(said), at))
            case "retweet":
                self._name(speaker)
                retweet_id, target = _id(said.item_id) or self.platform.next_id(), self._target(said)
                body = payloads.retweeted(self.platform, said.account, speaker.id, retweet_id, target, at)
                return Told(retweet_id, body)
            case _:
                raise Impossible(f"{said.kind!r} is nothing that happens on X; there are {', '.join(KINDS)}")

    def edit(self, edited: Edited) -> Told:
        """Raises Impossible: on X an edited post is a new one."""
        raise Impossible("on X an edited post is a new post: say it, and delete the other")

    def delete(self, edited: Edited) -> Told:
        """Somebody deletes a post. Raises Impossible."""
        author = self.platform.authors.get(edited.item_id)
        if author is None:
            raise Impossible(f"X has no post {edited.item_id} of a customer; X does not tell of deleted messages")
        account = next(iter(author.mentions), author.quotes) or self.platform.author_of(author.in_reply_to)
        self.platform.forget(edited.item_id)
        at = self.platform.switches.now() if edited.at is None else edited.at
        body = payloads.deleted(account or author.user_id, edited.item_id, author.user_id, at)
        return Told(edited.item_id, body)

    def _post(self, said: Said, speaker: Speaker, at: int) -> Told:
        answered = None if said.kind == "mention" else self._target(said)
        author = Author(
            user_id=speaker.id,
            screen_name=speaker.screen_name or speaker.id,
            text=said.text,
            at=at,
            in_reply_to=answered if said.kind == "reply" else None,
            mentions=() if said.kind == "quote" else (said.account,),
            quotes=said.account if said.kind == "quote" else None,
        )
        tweet_id = _id(said.item_id) or self.platform.next_id()
        if tweet_id in self.platform.posts:
            raise Impossible(f"{tweet_id} is the id of an answer that was posted through the API")
        self.platform.remember(tweet_id, author)
        body = payloads.customers_post(self.platform, said.account, tweet_id, author, said.attachments, speaker.name)
        if answered is not None and said.kind == "quote":
            body = payloads.quoting(self.platform, body, answered)
        return Told(tweet_id, body)

    def _message(self, said: Said, speaker: Speaker, at: int) -> Told:
        self._name(speaker)
        message_id, recipient = _id(said.item_id) or self.platform.next_id(), _recipient(said, speaker)
        message = Message(message_id, speaker.id, recipient, said.text, at, own=False)
        self.platform.receive(message)
        body = payloads.message(self.platform, said.account, message, said.attachments, speaker.name)
        return Told(message_id, body)

    def _target(self, said: Said) -> str:
        target = _id(said.in_reply_to)
        if target is None:
            raise Impossible(f"a {said.kind} on X needs in_reply_to, the id of a post")
        return target

    def _name(self, speaker: Speaker) -> None:
        if speaker.screen_name is not None:
            self.platform.name(speaker.id, speaker.screen_name)


def _speaker(said: Said) -> Speaker:
    if said.speaker is None:
        raise Impossible("on X everybody has an id: from is needed")
    _id(said.account)
    _id(said.speaker.id)
    return said.speaker


def _recipient(said: Said, speaker: Speaker) -> str:
    """Who gets a direct message. The account itself writes too, where somebody answers in X's own inbox."""
    to = _id(said.to)
    if speaker.id != said.account and to not in (None, said.account):
        raise Impossible("what customers write goes to the account: to is for what the account itself writes")
    if speaker.id == said.account and to in (None, said.account):
        raise Impossible("a direct message from the account itself needs to, the id of whom it is for")
    return said.account if to is None else to


def _id(given: str | None) -> str | None:
    if given is not None and ID.fullmatch(given) is None:
        raise Impossible(f"{given!r} is no id of X: those are numbers of up to 20 digits")
    return given
