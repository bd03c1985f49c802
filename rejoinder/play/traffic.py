"""Recorded traffic: its format, and reading it. docs/reference/traffic.md describes it for people."""

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import msgspec

from engine.errors import RejoinderError


class BadTraffic(RejoinderError):
    """The traffic file can't be played."""

    exit_code = 2


class CustomerPost(msgspec.Struct, kw_only=True, tag="webhook", tag_field="kind", frozen=True):
    """A customer wrote: the body that X posts to a webhook, with one post."""

    at: str
    channel: Literal["x"]
    account: str
    body: dict[str, Any]


class AgentReply(msgspec.Struct, kw_only=True, tag="agent_reply", tag_field="kind", frozen=True):
    """An agent answered."""

    at: str
    channel: Literal["x"]
    account: str
    in_reply_to: str | None
    tweet_id: str
    text: str


class AgentDisposition(msgspec.Struct, kw_only=True, tag="agent_disposition", tag_field="kind", frozen=True):
    """An agent ended the interaction that holds a post."""

    at: str
    channel: Literal["x"]
    account: str
    in_reply_to: str
    code: str


Line = CustomerPost | AgentReply | AgentDisposition
_DECODER: msgspec.json.Decoder[Line] = msgspec.json.Decoder(Line)


@dataclass(frozen=True, slots=True)
class Post:
    """What of a customer's post the player needs."""

    item_id: str
    author: str
    at: int
    account_id: str
    line: CustomerPost


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer to play; `author` is the customer's platform id."""

    at: int
    author: str
    line: AgentReply


@dataclass(frozen=True, slots=True)
class End:
    """A disposition to play."""

    at: int
    author: str
    line: AgentDisposition


@dataclass(frozen=True)
class Traffic:
    """A whole file, understood. `steps` in time order; `unmatched` are answers to no post of the same account."""

    name: str
    accounts: dict[str, str]
    """The platform's ids of the accounts, by handle."""
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
    accounts: dict[str, str] = {}
    posts: dict[str, Post] = {}
    steps: list[Post | Answer | End] = []
    unmatched: list[AgentReply] = []
    latest = 0
    for number, line in lines:
        where = f"{source}, line {number}"
        at = _at(line.at, where)
        if at < latest:
            raise BadTraffic(f"{where}: `at` is earlier than in the line before; the lines have to be in time order")
        latest = at
        match line:
            case CustomerPost():
                post = _post(line, at, where)
                accounts.setdefault(line.account, post.account_id)
                posts.setdefault(post.item_id, post)
                steps.append(post)
            case AgentReply():
                answered = posts.get(line.in_reply_to or "")
                if answered is None or answered.line.account != line.account:
                    unmatched.append(line)
                else:
                    steps.append(Answer(at, answered.author, line))
            case AgentDisposition():
                ended = posts.get(line.in_reply_to)
                if ended is None or ended.line.account != line.account:
                    raise BadTraffic(f"{where}: `in_reply_to` names no post of this account before it")
                steps.append(End(at, ended.author, line))
    if not posts:
        raise BadTraffic(f"{source}: there is no line of kind `webhook`; there is nothing to play")
    return Traffic(name, accounts, tuple(steps), tuple(unmatched))


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
    return Post(item_id, user["id_str"], at, account_id, line)


def encode(line: Line) -> str:
    """A line as it stands in a file."""
    return json.dumps(msgspec.to_builtins(line), ensure_ascii=False)
