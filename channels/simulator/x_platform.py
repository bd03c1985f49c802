"""What the simulated X remembers, and its rules for a new post. In memory, and in a journal that outlives it.

The journal is one JSON object a line, written before the answer: X never forgets a post because one of its servers
died. A last line that a kill left incomplete is dropped when it is read again.
"""

import json
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TextIO

import msgspec

from engine.errors import RejoinderError
from engine.text import X_LIMIT, weighted_length

DUPLICATE_WINDOW: Final = 12 * 3_600_000
"""Within this time (milliseconds) an account can't post the same text again. X does not publish its own."""


class BrokenJournal(RejoinderError):
    """The simulator's journal can't be read."""


class Author(msgspec.Struct, frozen=True):
    """Who wrote a post that the simulator was told of."""

    user_id: str
    screen_name: str


class Recorded(msgspec.Struct, frozen=True):
    """An answer of recorded traffic: when it is posted it gets this id and time."""

    account: str
    in_reply_to: str
    text: str
    tweet_id: str
    at: int


class Post(msgspec.Struct, frozen=True):
    """A post that was made through the API."""

    tweet_id: str
    account: str
    text: str
    in_reply_to: str | None
    created_at: int


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a post is not taken: X's status, title and detail."""

    status: int
    title: str
    detail: str


DUPLICATE: Final = Refusal(403, "Forbidden", "You are not allowed to create a Tweet with duplicate content.")
TOO_LONG: Final = Refusal(400, "Invalid Request", "Your Tweet text is too long. Shorten it and try again.")
GONE: Final = Refusal(403, "Forbidden", "You attempted to reply to a Tweet that is deleted or not visible to you.")


@dataclass(slots=True)
class Platform:
    """All posts, and who wrote those that are answered."""

    clock: Callable[[], int]
    journal: TextIO | None = None
    posts: dict[str, Post] = field(default_factory=dict)
    authors: dict[str, Author] = field(default_factory=dict)
    """By post."""
    names: dict[str, str] = field(default_factory=dict)
    """Screen names by user id, as far as they were seen."""
    recorded: dict[tuple[str, str, str], Recorded] = field(default_factory=dict)
    refused: Counter[str] = field(default_factory=Counter)
    _texts: defaultdict[tuple[str, str], list[int]] = field(default_factory=lambda: defaultdict(list))
    _last_id: int = 0

    def remember(self, tweet_id: str, user_id: str, screen_name: str) -> None:
        """Somebody's post, which can be answered from now on."""
        self._apply("author", {"tweet_id": tweet_id, "user_id": user_id, "screen_name": screen_name})

    def name(self, user_id: str, screen_name: str) -> None:
        """How a user is called. Not kept in the journal: it is told again with each post."""
        self.names[user_id] = screen_name

    def record(self, answers: list[Recorded]) -> None:
        """Answers that will be posted, with the ids and times that they are to get."""
        for answer in answers:
            self._apply("recorded", msgspec.to_builtins(answer))

    def post(self, account: str, in_reply_to: str | None, text: str) -> Post | Refusal:
        """Takes a post, or says why not."""
        refusal, recorded = self._refusal(account, in_reply_to, text), self._recorded(account, in_reply_to, text)
        if refusal is not None:
            self.refused[refusal.detail] += 1
            return refusal
        post = Post(
            tweet_id=self._next_id() if recorded is None else recorded.tweet_id,
            account=account,
            text=text,
            in_reply_to=in_reply_to,
            created_at=self.clock() if recorded is None else recorded.at,
        )
        self._apply("post", msgspec.to_builtins(post))
        return post

    def delete(self, account: str, tweet_id: str) -> bool:
        """Whether the account's post was there."""
        post = self.posts.get(tweet_id)
        if post is None or post.account != account:
            return False
        self._apply("deleted", {"tweet_id": tweet_id})
        return True

    def by(self, account: str) -> Iterator[Post]:
        """An account's posts, the latest first."""
        return (post for post in reversed(self.posts.values()) if post.account == account)

    def close(self) -> None:
        """Closes the journal."""
        if self.journal is not None:
            self.journal.close()

    def _refusal(self, account: str, in_reply_to: str | None, text: str) -> Refusal | None:
        if weighted_length(text) > X_LIMIT:
            return TOO_LONG
        recorded = self._recorded(account, in_reply_to, text)
        at = self.clock() if recorded is None else recorded.at
        if any(abs(at - before) < DUPLICATE_WINDOW for before in self._texts[account, text]):
            return DUPLICATE
        if in_reply_to is not None and in_reply_to not in self.authors and in_reply_to not in self.posts:
            return GONE
        return None

    def _recorded(self, account: str, in_reply_to: str | None, text: str) -> Recorded | None:
        return self.recorded.get((account, in_reply_to or "", text))

    def _next_id(self) -> str:
        """Ids grow with time, as X's do (41 bits of milliseconds, 22 of worker and sequence)."""
        self._last_id = max(self._last_id + 1, self.clock() << 20)
        return str(self._last_id)

    def _apply(self, kind: str, entry: dict[str, object]) -> None:
        if self.journal is not None:
            self.journal.write(json.dumps({"kind": kind, **entry}) + "\n")
            self.journal.flush()
        self._take(kind, entry)

    def _take(self, kind: str, entry: dict[str, object]) -> None:
        match kind:
            case "author":
                author = msgspec.convert(entry, Author)
                self.authors[str(entry["tweet_id"])] = author
                self.names[author.user_id] = author.screen_name
            case "recorded":
                recorded = msgspec.convert(entry, Recorded)
                self.recorded[recorded.account, recorded.in_reply_to, recorded.text] = recorded
            case "post":
                post = msgspec.convert(entry, Post)
                self.posts[post.tweet_id] = post
                self._texts[post.account, post.text].append(post.created_at)
            case "deleted":
                del self.posts[str(entry["tweet_id"])]
            case _:
                raise ValueError("unknown kind")

    @classmethod
    def opened(cls, path: Path | None, clock: Callable[[], int]) -> "Platform":
        """With what the journal at `path` holds, to which it goes on writing; without a path, in memory only."""
        platform = cls(clock)
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
        platform.journal = path.open("a", encoding="utf-8")
        return platform


def _whole_lines(path: Path) -> bytes:
    if not path.exists():
        return b""
    content = path.read_bytes()
    return content[: content.rfind(b"\n") + 1]


@dataclass(slots=True)
class Limits:
    """X's rate limit for posting: so many calls of each account in each window. Off until it is set."""

    clock: Callable[[], int]
    limit: int | None = None
    window: int = 15 * 60_000
    """Milliseconds."""
    _used: dict[str, deque[int]] = field(default_factory=dict)

    def take(self, account: str) -> tuple[bool, dict[str, str]]:
        """Whether one more call is allowed, and the headers that say how many are left."""
        now, limit = self.clock(), self.limit if self.limit is not None else 1_000_000
        used = self._used.setdefault(account, deque())
        while used and used[0] <= now - self.window:
            used.popleft()
        allowed = len(used) < limit
        if allowed and self.limit is not None:
            used.append(now)
        reset = (used[0] if used else now) + self.window
        return allowed, {
            "x-rate-limit-limit": str(limit),
            "x-rate-limit-remaining": str(limit - len(used)),
            "x-rate-limit-reset": str(-(-reset // 1000)),
        }


def rfc3339(at: int) -> str:
    """A time as X's v2 writes it."""
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
