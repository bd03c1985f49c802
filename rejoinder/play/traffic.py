"""Traffic to play: its format, and reading it. docs/reference/traffic.md describes it for people."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import msgspec

from channels.simulator.saying import Channel, Said
from engine.envelope import derive
from engine.errors import RejoinderError
from rejoinder.play import saying

Account = tuple[str, str]
"""Channel and handle."""


class BadTraffic(RejoinderError):
    """The traffic file can't be played."""

    exit_code = 2


class CustomerPost(msgspec.Struct, kw_only=True, tag="webhook", tag_field="kind", frozen=True, omit_defaults=True):
    """A customer wrote on X: the body that X posts to a webhook, with one post."""

    at: str
    channel: Literal["x"]
    account: str
    body: dict[str, Any]
    person: str | None = None


class CustomerSaid(msgspec.Struct, kw_only=True, tag="said", tag_field="kind", frozen=True, omit_defaults=True):
    """A customer wrote on any channel, as the simulator is told of it."""

    at: str
    channel: Channel
    account: str
    said: dict[str, Any]
    person: str | None = None
    commenter: bool = False
    """In Messenger: `from.id` is the person's id on Facebook, and the platform knows by which one it writes."""


class AgentReply(msgspec.Struct, kw_only=True, tag="agent_reply", tag_field="kind", frozen=True, omit_defaults=True):
    """An agent answered."""

    at: str
    channel: Channel
    account: str
    in_reply_to: str | None
    text: str
    tweet_id: str | None = None
    visibility: Literal["public", "private"] | None = None


class AgentDisposition(msgspec.Struct, kw_only=True, tag="agent_disposition", tag_field="kind", frozen=True):
    """An agent ended the interaction that holds a post."""

    at: str
    channel: Channel
    account: str
    in_reply_to: str
    code: str


Line = CustomerPost | CustomerSaid | AgentReply | AgentDisposition
_DECODER: msgspec.json.Decoder[Line] = msgspec.json.Decoder(Line)


@dataclass(frozen=True, slots=True)
class Post:
    """What of a customer's post or message the player needs; `said` where the simulator is told of it in its words."""

    item_id: str
    author: str
    """Whose lines are played one after the other."""
    platform_id: str
    at: int
    channel: Channel
    account_id: str
    visibility: str
    line: CustomerPost | CustomerSaid
    said: Said | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer to play."""

    at: int
    author: str
    name: str
    """The recorded id, else one that follows from the line; never from its words, because events hold it."""
    answered: Post
    line: AgentReply

    @property
    def visibility(self) -> str:
        return self.line.visibility or self.answered.visibility

    @property
    def has_recorded_id(self) -> bool:
        """Whether the platform is told which id it gets: only X's public answers have one."""
        return self.line.channel == "x" and self.visibility == "public"


@dataclass(frozen=True, slots=True)
class End:
    """A disposition to play."""

    at: int
    author: str
    answered: Post
    line: AgentDisposition


@dataclass(frozen=True)
class Traffic:
    """A whole file, understood. `steps` in time order; `unmatched` are answers to no post of the same account."""

    name: str
    accounts: dict[Account, str]
    """The platform's ids of the accounts."""
    steps: tuple[Post | Answer | End, ...]
    unmatched: tuple[AgentReply, ...]

    @property
    def posts(self) -> list[Post]:
        return [step for step in self.steps if isinstance(step, Post)]

    @property
    def answers(self) -> list[Answer]:
        return [step for step in self.steps if isinstance(step, Answer)]


def read(path: Path) -> Traffic:
    """Reads a file.

    Raises:
        BadTraffic: names the file, the line and the field.
    """
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadTraffic(f"{path} can't be read as traffic: {error}") from error
    digest = hashlib.sha256(text.encode()).hexdigest()[:12]
    return understand(digest, str(path), _lines(path, text))


def _lines(path: Path, text: str) -> Iterator[tuple[int, Line]]:
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            yield number, _DECODER.decode(line)
        except (msgspec.DecodeError, UnicodeEncodeError) as error:
            raise BadTraffic(f"{path}, line {number}: {error}; see docs/reference/traffic.md") from error


def understand(name: str, source: str, lines: Iterable[tuple[int, Line]]) -> Traffic:
    """Brings lines into the player's form. `source` is for errors.

    Raises:
        BadTraffic: a line is not in time order, or a post lacks what is needed.
    """
    accounts: dict[Account, str] = {}
    posts: dict[tuple[str, str], Post] = {}
    steps: list[Post | Answer | End] = []
    unmatched: list[AgentReply] = []
    alike = Counter[tuple[str, str, str]]()
    latest = 0
    for number, line in lines:
        where = f"{source}, line {number}"
        at = _at(line.at, where)
        if at < latest:
            raise BadTraffic(f"{where}: `at` is earlier than in the line before; the lines have to be in time order")
        latest = at
        match line:
            case CustomerPost() | CustomerSaid():
                post = _post(line, at, where) if isinstance(line, CustomerPost) else _said(line, at, where)
                known = accounts.setdefault((line.channel, line.account), post.account_id)
                if post.said is not None and known != post.account_id:
                    raise BadTraffic(
                        f"{where}: `said.account` is {post.account_id}, but {line.account} had the id {known} before"
                    )
                posts.setdefault((line.channel, post.item_id), post)
                steps.append(post)
            case AgentReply():
                answered = posts.get((line.channel, line.in_reply_to or ""))
                if answered is None or answered.line.account != line.account:
                    unmatched.append(line)
                else:
                    alike[line.channel, answered.item_id, line.at] += 1
                    nth = alike[line.channel, answered.item_id, line.at]
                    steps.append(_answer(line, at, answered, nth, where))
            case AgentDisposition():
                ended = posts.get((line.channel, line.in_reply_to))
                if ended is None or ended.line.account != line.account:
                    raise BadTraffic(f"{where}: `in_reply_to` names no post of this account before it")
                steps.append(End(at, ended.author, ended, line))
    if not posts:
        raise BadTraffic(f"{source}: there is no line of kind `webhook` or `said`; there is nothing to play")
    return Traffic(name, accounts, tuple(steps), tuple(unmatched))


def _answer(line: AgentReply, at: int, answered: Post, nth: int, where: str) -> Answer:
    name = line.tweet_id or derive("answer", line.channel, line.account, answered.item_id, line.at, nth)
    answer = Answer(at, answered.author, name, answered, line)
    if answer.has_recorded_id and line.tweet_id is None:
        raise BadTraffic(f"{where}: `tweet_id` is missing: a public answer on X needs the id that it is to get")
    return answer


def _said(line: CustomerSaid, at: int, where: str) -> Post:
    try:
        said = saying.understand(line.said, line.channel, at, commenter=line.commenter)
    except saying.Unplayable as error:
        raise BadTraffic(f"{where}: {error}; see docs/reference/traffic.md") from error
    return Post(
        item_id=said.item_id or "",
        author=line.person or said.person,
        platform_id=said.person,
        at=at,
        channel=line.channel,
        account_id=said.body.account,
        visibility=saying.VISIBILITY[line.channel][said.body.kind],
        line=line,
        said=said.body,
    )


def _at(text: str, where: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadTraffic(f"{where}: `at` is {text!r}, not a time like 2017-10-31T22:03:34Z") from error
    if moment.tzinfo is None:
        raise BadTraffic(f"{where}: `at` is {text!r}, without a time zone; write Z for UTC")
    return round(moment.timestamp() * 1000)


def _post(line: CustomerPost, at: int, where: str) -> Post:
    events = line.body.get("tweet_create_events")
    account_id = line.body.get("for_user_id")
    if not isinstance(account_id, str):
        raise BadTraffic(f"{where}: `body.for_user_id` has to be the account's id, a text")
    if not isinstance(events, list) or len(events) != 1 or not isinstance(events[0], dict):
        raise BadTraffic(f"{where}: `body.tweet_create_events` has to hold one post")
    item_id, user = events[0].get("id_str"), events[0].get("user")
    if not isinstance(item_id, str):
        raise BadTraffic(f"{where}: `body.tweet_create_events[0].id_str` has to be the post's id, a text")
    if not isinstance(user, dict) or not isinstance(user.get("id_str"), str):
        raise BadTraffic(f"{where}: `body.tweet_create_events[0].user.id_str` has to be the author's id, a text")
    author = user["id_str"]
    return Post(item_id, line.person or author, author, at, line.channel, account_id, "public", line)


def encode(line: Line) -> str:
    """A line as it stands in a file."""
    return json.dumps(msgspec.to_builtins(line), ensure_ascii=False)
