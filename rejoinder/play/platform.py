"""The simulated platforms as the player uses them: what customers write there, and the time that it is there."""

import asyncio
from dataclasses import dataclass, field
from typing import Any, Final

import httpx
import msgspec

from rejoinder.cluster import wall_clock
from rejoinder.play.traffic import CustomerPost, CustomerSaid, Post, Traffic

POST_TRIES: Final = 60
POST_PAUSE: Final = 1.0
"""A post that the webhook did not take is delivered again, as the platform would: for a minute."""
HTTP_AT_ONCE: Final = 32
MINUTE: Final = 60_000


class Undeliverable(Exception):
    """Something can't be said, or the webhook did not take it."""


def client(address: str) -> httpx.AsyncClient:
    """For the control API at `address`."""
    limits = httpx.Limits(max_connections=HTTP_AT_ONCE)
    return httpx.AsyncClient(base_url=address, timeout=60.0, trust_env=False, limits=limits)


@dataclass
class Platforms:
    """Tells the simulator what happens, over its control API."""

    http: httpx.AsyncClient
    traffic: Traffic
    _slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(HTTP_AT_ONCE))
    _told: int = 0
    _psids: dict[tuple[str, str], str] = field(default_factory=dict)

    @property
    def has_a_clock(self) -> bool:
        """Whether the platforms' clock is that of the recording.

        Where customers are heard on other ways than X's webhook, the platforms' rules look at the time: how old a
        comment is that is answered in private, when somebody last wrote in Messenger.
        """
        return any(isinstance(post.line, CustomerSaid) for post in self.traffic.posts)

    async def prepare(self) -> None:
        """Tells it the recorded ids and times of X's public answers, and how the accounts are called."""
        recorded = [
            {
                "account": answer.answered.account_id,
                "in_reply_to": answer.line.in_reply_to,
                "text": answer.line.text,
                "tweet_id": answer.line.tweet_id,
                "at": answer.at,
            }
            for answer in self.traffic.answers
            if answer.has_recorded_id
        ]
        await self._tell("POST", "recorded", recorded)
        if self.has_a_clock:
            named = [
                {"channel": channel, "id": account_id, "name": handle}
                for (channel, handle), account_id in self.traffic.accounts.items()
            ]
            await self._tell("PUT", "accounts", named)

    async def set_clock(self, at: int) -> None:
        """It is so late there now; to the minute, because the platforms' rules are about hours and days."""
        if self.has_a_clock and at - self._told >= MINUTE:
            self._told = at
            # An echo would say when the platform took an answer, which is not when the recording has it. Told each
            # time, because a simulator that was started anew has forgotten it.
            await self._tell("PUT", "settings", {"clock_ahead_ms": at - wall_clock(), "echoes": False})

    async def psid(self, post: Post) -> str:
        """By which id Messenger knows somebody who is known by their id on Facebook."""
        key = (post.account_id, post.platform_id)
        if key not in self._psids:
            response = await self.http.get("/_simulator/psid", params={"account": key[0], "id": key[1]})
            response.raise_for_status()
            self._psids[key] = response.json()["psid"]
        return self._psids[key]

    async def deliver(self, post: Post) -> None:
        """A customer writes; back when the webhook has it.

        Raises:
            Undeliverable: the platform has no such thing, or the webhook did not take it.
        """
        path, body = await self._spoken(post)
        why = ""
        for attempt in range(POST_TRIES):
            try:
                async with self._slots:
                    response = await self.http.post(path, json=body)
                if response.status_code == httpx.codes.OK:
                    return
                why = str(response.json().get("reason"))
                if response.status_code == httpx.codes.BAD_REQUEST:
                    raise Undeliverable(f"the simulated platform does not take {post.item_id}: {why}")
            except httpx.HTTPError as error:
                why = type(error).__name__
            if attempt < POST_TRIES - 1:
                await asyncio.sleep(POST_PAUSE)
        raise Undeliverable(f"post {post.item_id} could not be delivered in {POST_TRIES} tries: {why}")

    async def _spoken(self, post: Post) -> tuple[str, Any]:
        """Where a post is told of, and how."""
        if isinstance(post.line, CustomerPost):
            return "/_simulator/posts", post.line.body
        body: dict[str, Any] = msgspec.to_builtins(post.said)
        if post.line.commenter:
            body["from"]["id"] = await self.psid(post)
        return "/_simulator/customers/say", body

    async def _tell(self, method: str, what: str, body: object) -> None:
        for remaining in reversed(range(POST_TRIES)):
            try:
                response = await self.http.request(method, f"/_simulator/{what}", json=body)
                response.raise_for_status()
                return
            except httpx.TransportError:  # it is just started anew
                if not remaining:
                    raise
            await asyncio.sleep(POST_PAUSE)
