"""What the simulated X remembers, and its rules. In memory, and in a file that outlives it.

The file is one JSON object a line, written before the answer: X never forgets a post because one of its servers
died. A last line that a kill left incomplete is dropped when it is read again.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

import msgspec

from channels.simulator import x_records as x
from channels.simulator.journal import Journal
from channels.simulator.switches import Switches
from channels.simulator.x_records import Author, Message, Post, Recorded, Refusal
from channels.simulator.x_text import as_posted
from engine.errors import RejoinderError
from engine.text import X_LIMIT, X_MESSAGE_LIMIT, weighted_length


class BrokenJournal(RejoinderError):
    """The simulator's journal can't be read."""


@dataclass(slots=True)
class Platform:
    """All posts and messages, and who wrote those that are answered."""

    switches: Switches
    journal: Journal = field(default_factory=Journal)
    file: TextIO | None = None
    posts: dict[str, Post] = field(default_factory=dict)
    authors: dict[str, Author] = field(default_factory=dict)
    """By post."""
    names: dict[str, str] = field(default_factory=dict)
    """Screen names by user id, as far as they were seen."""
    messages: dict[str, Message] = field(default_factory=dict)
    retweets: dict[tuple[str, str], str] = field(default_factory=dict)
    """The retweet's id, by account and post."""
    likes: set[tuple[str, str]] = field(default_factory=set)
    hidden: set[str] = field(default_factory=set)
    recorded: dict[tuple[str, str, str], Recorded] = field(default_factory=dict)
    refused: Counter[str] = field(default_factory=Counter)
    _texts: defaultdict[tuple[str, str], list[int]] = field(default_factory=lambda: defaultdict(list))
    _ids: dict[str, str] = field(default_factory=dict)
    _last_id: int = 0

    def remember(self, tweet_id: str, author: Author) -> None:
        """Somebody's post, which can be answered from now on."""
        self._apply("author", {"tweet_id": tweet_id, **msgspec.to_builtins(author)})

    def receive(self, message: Message) -> None:
        """A customer's direct message."""
        self._apply("message", msgspec.to_builtins(message))

    def forget(self, tweet_id: str) -> None:
        """A customer deleted a post."""
        self._apply("author_deleted", {"tweet_id": tweet_id})

    def name(self, user_id: str, screen_name: str) -> None:
        """How a user is called. Not kept in the journal: it is told again with each post."""
        self.names[user_id] = screen_name
        self._ids[screen_name.lower()] = user_id

    def id_of(self, screen_name: str) -> str | None:
        """Who is called so."""
        return self._ids.get(screen_name.lower())

    def record(self, answers: list[Recorded]) -> None:
        """Answers that will be posted, with the ids and times that they are to get."""
        for answer in answers:
            self._apply("recorded", msgspec.to_builtins(answer))

    def post(self, account: str, in_reply_to: str | None, text: str) -> Post | Refusal:
        """Takes a post, or says why not."""
        refusal, recorded = self._refusal(account, in_reply_to, text), self._recorded(account, in_reply_to, text)
        if refusal is not None:
            return self._refuse(refusal)
        post = Post(
            tweet_id=self.next_id() if recorded is None else recorded.tweet_id,
            account=account,
            text=text,
            in_reply_to=in_reply_to,
            created_at=self.switches.now() if recorded is None else recorded.at,
        )
        self._apply("post", msgspec.to_builtins(post))
        return post

    def message(self, account: str, recipient: str, text: str) -> Message | Refusal:
        """Takes a direct message, or says why not."""
        if not text:
            return self._refuse(x.MESSAGE_EMPTY)
        if len(text) > X_MESSAGE_LIMIT:
            return self._refuse(x.MESSAGE_TOO_LONG)
        message = Message(self.next_id(), account, recipient, text, self.switches.now(), own=True)
        self._apply("message", msgspec.to_builtins(message))
        return message

    def retweet(self, account: str, tweet_id: str) -> str | Refusal:
        """The id of the retweet, or why there is none."""
        if tweet_id not in self.authors and tweet_id not in self.posts:
            return self._refuse(x.NO_TWEET)
        if (account, tweet_id) in self.retweets:
            return self._refuse(x.ALREADY_RETWEETED)
        retweet_id = self.next_id()
        self._apply("retweet", self._done(account, tweet_id) | {"retweet_id": retweet_id})
        return retweet_id

    def like(self, account: str, tweet_id: str) -> bool | Refusal:
        """Whether it is a new like: X takes a second one for the first."""
        if self.switches.tier == "self_serve":
            return self._refuse(x.NOT_ENROLLED)
        if tweet_id not in self.authors and tweet_id not in self.posts:
            return self._refuse(x.NO_TWEET)
        if (account, tweet_id) in self.likes:
            return False
        self._apply("like", self._done(account, tweet_id))
        return True

    def hide(self, account: str, tweet_id: str, hidden: bool) -> Refusal | None:
        """Hides a reply, or shows it again: only in a conversation that the account began."""
        if tweet_id not in self.authors:
            return self._refuse(x.NO_TWEET)
        if self._conversation_of(tweet_id) != account:
            return self._refuse(x.NOT_HIDEABLE)
        if hidden != (tweet_id in self.hidden):
            self._apply("hide" if hidden else "unhide", self._done(account, tweet_id))
        return None

    def delete(self, account: str, tweet_id: str) -> bool:
        """Whether the account's post was there."""
        post = self.posts.get(tweet_id)
        if post is None or post.account != account:
            return False
        self._apply("deleted", self._done(account, tweet_id))
        return True

    def delete_message(self, account: str, message_id: str) -> bool:
        """Whether the account's direct message was there."""
        message = self.messages.get(message_id)
        if message is None or message.sender != account or not message.own:
            return False
        self._apply("message_deleted", self._done(account, message_id))
        return True

    def by(self, account: str) -> Iterator[Post]:
        """An account's posts, the latest first."""
        return (post for post in reversed(self.posts.values()) if post.account == account)

    def between(self, one: str, other: str) -> Iterator[Message]:
        """The direct messages of two users, the latest first."""
        both = {one, other}
        return (each for each in reversed(self.messages.values()) if {each.sender, each.recipient} == both)

    def author_of(self, tweet_id: str | None) -> str | None:
        """Whose a post is, own or not."""
        own, author = self.posts.get(tweet_id or ""), self.authors.get(tweet_id or "")
        return own.account if own is not None else author.user_id if author is not None else None

    def shown(self, post: Post) -> str:
        """The text of a post as X gives it back."""
        if not self.switches.rewrites:
            return post.text
        answered = self.author_of(post.in_reply_to)
        return as_posted(post.text, self.names.get(answered) if answered not in (None, post.account) else None)

    def next_id(self) -> str:
        """Ids grow with time, as X's do (41 bits of milliseconds, 22 of worker and sequence)."""
        self._last_id = max(self._last_id + 1, self.switches.now() << 20)
        return str(self._last_id)

    def close(self) -> None:
        """Closes the file."""
        if self.file is not None:
            self.file.close()

    def _refusal(self, account: str, in_reply_to: str | None, text: str) -> Refusal | None:
        if weighted_length(text) > X_LIMIT:
            return x.TOO_LONG
        recorded = self._recorded(account, in_reply_to, text)
        at = self.switches.now() if recorded is None else recorded.at
        if any(abs(at - before) < x.DUPLICATE_WINDOW for before in self._texts[account, text]):
            return x.DUPLICATE
        if in_reply_to is None or in_reply_to in self.posts:
            return None
        answered = self.authors.get(in_reply_to)
        if answered is None:
            return x.GONE
        summoned = account in answered.mentions or account == answered.quotes
        return x.NOT_SUMMONED if self.switches.tier == "self_serve" and not summoned else None

    def _refuse(self, refusal: Refusal) -> Refusal:
        self.refused[refusal.detail] += 1
        return refusal

    def _recorded(self, account: str, in_reply_to: str | None, text: str) -> Recorded | None:
        return self.recorded.get((account, in_reply_to or "", text))

    def _conversation_of(self, tweet_id: str) -> str | None:
        """Who began the conversation that a post is in, as far as the simulator knows."""
        seen: set[str] = set()
        while tweet_id not in seen:
            seen.add(tweet_id)
            post, author = self.posts.get(tweet_id), self.authors.get(tweet_id)
            before = post.in_reply_to if post is not None else author.in_reply_to if author is not None else None
            if before is None:
                break
            tweet_id = before
        return self.author_of(tweet_id)

    def _is_taken(self, item_id: str) -> None:
        """No later id is to be this one, after a restart either."""
        if item_id.isascii() and item_id.isdigit():
            self._last_id = max(self._last_id, int(item_id))

    def _done(self, account: str, tweet_id: str) -> dict[str, object]:
        return {"account": account, "tweet_id": tweet_id, "at": self.switches.now()}

    def _apply(self, kind: str, entry: dict[str, object]) -> None:
        if self.file is not None:
            self.file.write(json.dumps({"kind": kind, **entry}) + "\n")
            self.file.flush()
        self._take(kind, entry)

    def _take(self, kind: str, entry: dict[str, object]) -> None:
        match kind:
            case "author":
                author = msgspec.convert(entry, Author)
                self.authors[str(entry["tweet_id"])] = author
                self.name(author.user_id, author.screen_name)
            case "author_deleted":
                del self.authors[str(entry["tweet_id"])]
            case "recorded":
                recorded = msgspec.convert(entry, Recorded)
                self.recorded[recorded.account, recorded.in_reply_to, recorded.text] = recorded
            case "post":
                self._take_post(msgspec.convert(entry, Post))
            case "message":
                self._take_message(msgspec.convert(entry, Message))
            case "retweet" | "like" | "hide" | "unhide" | "deleted" | "message_deleted":
                self._take_action(kind, msgspec.convert(entry, _Done))
            case _:
                raise ValueError("unknown kind")

    def _take_post(self, post: Post) -> None:
        self.posts[post.tweet_id] = post
        self._texts[post.account, post.text].append(post.created_at)
        self._is_taken(post.tweet_id)
        self.journal.add(
            "x",
            "reply" if post.in_reply_to is not None else "post",
            post.account,
            post.created_at,
            target=post.in_reply_to,
            text=post.text,
            item_id=post.tweet_id,
        )

    def _take_message(self, message: Message) -> None:
        self.messages[message.message_id] = message
        self._is_taken(message.message_id)
        if message.own:
            self.journal.add(
                "x",
                "message",
                message.sender,
                message.at,
                recipient=message.recipient,
                text=message.text,
                item_id=message.message_id,
            )

    def _take_action(self, kind: str, done: "_Done") -> None:
        match kind:
            case "retweet":
                self.retweets[done.account, done.tweet_id] = done.retweet_id or ""
            case "like":
                self.likes.add((done.account, done.tweet_id))
            case "hide":
                self.hidden.add(done.tweet_id)
            case "unhide":
                self.hidden.discard(done.tweet_id)
            case "deleted":
                del self.posts[done.tweet_id]
            case "message_deleted":
                del self.messages[done.tweet_id]
        action = "delete" if kind in ("deleted", "message_deleted") else kind
        self.journal.add("x", action, done.account, done.at, target=done.tweet_id, item_id=done.retweet_id)

    @classmethod
    def opened(cls, path: Path | None, switches: Switches, journal: Journal | None = None) -> "Platform":
        """With what the file at `path` holds, to which it goes on writing; without a path, in memory only.

        Raises BrokenJournal if the file holds anything else.
        """
        platform = cls(switches, journal or Journal())
        if path is None:
            return platform
        whole = _whole_lines(path)
        for number, line in enumerate(whole.splitlines(), 1):
            try:
                entry = json.loads(line)
                platform._take(entry.pop("kind"), entry)
            except (ValueError, KeyError, AttributeError, TypeError) as error:
                raise BrokenJournal(f"{path}, line {number}: this is no entry of a simulator's journal.") from error
        with path.open("ab") as file:
            file.truncate(len(whole))
        platform.file = path.open("a", encoding="utf-8")
        return platform


class _Done(msgspec.Struct, frozen=True):
    """Something done to a post."""

    account: str = ""
    tweet_id: str = ""
    at: int = 0
    retweet_id: str | None = None


def _whole_lines(path: Path) -> bytes:
    if not path.exists():
        return b""
    content = path.read_bytes()
    return content[: content.rfind(b"\n") + 1]


def rfc3339(at: int) -> str:
    """A time as X's v2 writes it."""
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
