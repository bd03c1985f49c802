"""The simulated X's webhook deliveries: signed, repeated with a growing pause while they are not answered with 200."""

import asyncio
import json
import secrets
from collections.abc import Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime

import httpx

from channels.simulator.x_platform import Platform, Post
from channels.x import signature


@dataclass(frozen=True, slots=True)
class Delivered:
    """What became of one delivery."""

    ok: bool
    attempts: int
    reason: str = ""
    answer: object = None
    """The JSON of the webhook's last answer."""


@dataclass(slots=True)
class Hooks:
    """Sends to one webhook."""

    http: httpx.AsyncClient
    consumer_secret: str
    url: str | None = None
    tries: int = 6
    pause: float = 0.25
    """Seconds before the second try; it doubles."""
    copies: int = 1
    """How often each body is sent: X repeats itself."""
    sent: int = 0
    failed: int = 0
    _tasks: set[asyncio.Task[Delivered]] = field(default_factory=set)

    @property
    def pending(self) -> int:
        """Deliveries that are under way in the background."""
        return len(self._tasks)

    async def deliver(self, body: object) -> Delivered:
        """Sends a body until the webhook says 200, a bounded number of times."""
        if self.url is None:
            return Delivered(ok=False, attempts=0, reason="no webhook is set")
        raw = json.dumps(body, ensure_ascii=False).encode("utf-8", "backslashreplace")
        result = await self._deliver(self.url, raw)
        for _ in range(self.copies - 1):
            await self._deliver(self.url, raw)
        return result

    def in_background(self, body: object) -> None:
        """Sends a body without waiting for it."""
        self._start(self.deliver(body))

    async def check(self, url: str) -> str | None:
        """X's challenge (CRC): None if `url` answers as it must, else what is wrong."""
        token = secrets.token_urlsafe(16)
        try:
            response = await self.http.get(url, params={"crc_token": token})
            answer = response.json()
        except (httpx.HTTPError, ValueError) as error:
            return f"the webhook did not answer the challenge with JSON ({type(error).__name__})"
        if response.status_code != 200 or answer != signature.crc_answer(self.consumer_secret, token):
            return "the webhook's answer to the challenge is wrong: it has another consumer secret"
        return None

    async def finish(self) -> None:
        """Ends what is under way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _start(self, delivery: Coroutine[None, None, Delivered]) -> None:
        task = asyncio.create_task(delivery)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _deliver(self, url: str, raw: bytes) -> Delivered:
        headers = {
            "content-type": "application/json",
            signature.HEADER: signature.sign(self.consumer_secret, raw),
        }
        reason, answer = "", None
        for attempt in range(1, self.tries + 1):
            if attempt > 1:
                await asyncio.sleep(self.pause * 2 ** (attempt - 2))
            try:
                response = await self.http.post(url, content=raw, headers=headers)
            except httpx.HTTPError as error:
                reason = f"the webhook could not be reached ({type(error).__name__})"
                continue
            answer = _json(response)
            if response.status_code == 200:
                self.sent += 1
                return Delivered(ok=True, attempts=attempt, answer=answer)
            reason = f"the webhook answered with HTTP {response.status_code}"
        self.failed += 1
        return Delivered(ok=False, attempts=self.tries, reason=reason, answer=answer)


def echo(post: Post, platform: Platform) -> dict[str, object]:
    """What X sends to the account that posted: its own post, as a v1.1 tweet."""
    answered = platform.authors.get(post.in_reply_to or "")
    own = platform.posts.get(post.in_reply_to or "")
    answered_id = answered.user_id if answered is not None else own.account if own is not None else None
    is_long = len(post.text) > 140
    tweet: dict[str, object] = {
        "created_at": datetime.fromtimestamp(post.created_at / 1000, UTC).strftime("%a %b %d %H:%M:%S %z %Y"),
        "id": int(post.tweet_id),
        "id_str": post.tweet_id,
        "text": post.text[:139] + "…" if is_long else post.text,
        "truncated": is_long,
        "in_reply_to_status_id": None if post.in_reply_to is None else int(post.in_reply_to),
        "in_reply_to_status_id_str": post.in_reply_to,
        "in_reply_to_user_id": None if answered_id is None else int(answered_id),
        "in_reply_to_user_id_str": answered_id,
        "in_reply_to_screen_name": platform.names.get(answered_id or ""),
        "user": _user(post.account, platform),
        "is_quote_status": False,
        "favorited": False,
        "retweeted": False,
        "lang": "en",
        "entities": {"hashtags": [], "urls": [], "symbols": [], "user_mentions": []},
        "timestamp_ms": str(post.created_at),
    }
    if is_long:
        tweet["extended_tweet"] = {"full_text": post.text, "display_text_range": [0, len(post.text)], "entities": {}}
    return {"for_user_id": post.account, "tweet_create_events": [tweet]}


def _user(account: str, platform: Platform) -> dict[str, object]:
    name = platform.names.get(account, account)
    return {"id": int(account), "id_str": account, "name": name, "screen_name": name}


def _json(response: httpx.Response) -> object:
    try:
        return response.json()
    except ValueError:
        return None
