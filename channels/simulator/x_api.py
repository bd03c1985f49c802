"""The simulated X's API v2, as the client calls it."""

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from channels.simulator.x_credentials import account_of
from channels.simulator.x_hooks import Hooks, echo
from channels.simulator.x_platform import Limits, Platform, Post, Refusal, rfc3339
from channels.x.items import ID

POST_FAULTS: Final = ("429", "503", "time_out", "answer_lost", "echo_first")
LOOK_UP_FAULTS: Final = ("look_up_503", "look_up_time_out")
"""What can be made to happen to the next calls, see docs of the control API."""

LONGEST_SILENCE: Final = 120.0
"""Seconds for which a call that is never answered is held, unless the caller leaves before."""


class Reply(msgspec.Struct):
    """What a new post answers."""

    in_reply_to_tweet_id: str


class NewPost(msgspec.Struct):
    """The body of POST /2/tweets."""

    text: str
    reply: Reply | None = None


@dataclass(slots=True)
class Api:
    """The endpoints."""

    platform: Platform
    hooks: Hooks
    limits: Limits
    consumer_secret: str
    echoes: bool = True
    post_faults: deque[str] = field(default_factory=deque)
    look_up_faults: deque[str] = field(default_factory=deque)

    def routes(self) -> list[Route]:
        return [
            Route("/2/tweets", self.create, methods=["POST"]),
            Route("/2/tweets/{tweet_id}", self.delete, methods=["DELETE"]),
            Route("/2/users/{user_id}/tweets", self.timeline, methods=["GET"]),
        ]

    async def create(self, request: Request) -> Response:
        """POST /2/tweets."""
        account = self._account(request)
        if account is None:
            return _unauthorized()
        try:
            wanted = msgspec.json.decode(await request.body(), type=NewPost)
        except (msgspec.DecodeError, ValueError):
            return problem(Refusal(400, "Invalid Request", "One or more parameters to your request was invalid."))
        in_reply_to = None if wanted.reply is None else wanted.reply.in_reply_to_tweet_id
        if in_reply_to is not None and ID.fullmatch(in_reply_to) is None:
            return problem(Refusal(400, "Invalid Request", "in_reply_to_tweet_id is no id."))
        fault = self.post_faults.popleft() if self.post_faults else None
        allowed, headers = self.limits.take(account)
        if not allowed or fault == "429":
            return problem(Refusal(429, "Too Many Requests", "Too Many Requests"), headers)
        if fault == "503":
            return problem(Refusal(503, "Service Unavailable", "Service Unavailable"), headers)
        if fault == "time_out":
            return await _silence(request)
        return await self._create(request, account, in_reply_to, wanted.text, fault, headers)

    async def _create(
        self,
        request: Request,
        account: str,
        in_reply_to: str | None,
        text: str,
        fault: str | None,
        headers: dict[str, str],
    ) -> Response:
        made = self.platform.post(account, in_reply_to, text)
        if isinstance(made, Refusal):
            return problem(made, headers)
        if fault == "echo_first":
            await self.hooks.deliver(echo(made, self.platform))
        elif self.echoes:
            self.hooks.in_background(echo(made, self.platform))
        if fault == "answer_lost":
            return await _silence(request)
        return JSONResponse({"data": {"id": made.tweet_id, "text": made.text}}, status_code=201, headers=headers)

    async def delete(self, request: Request) -> Response:
        """DELETE /2/tweets/:id."""
        account = self._account(request)
        if account is None:
            return _unauthorized()
        deleted = self.platform.delete(account, request.path_params["tweet_id"])
        if not deleted:
            return problem(Refusal(404, "Not Found", "Could not find the tweet."))
        return JSONResponse({"data": {"deleted": True}})

    async def timeline(self, request: Request) -> Response:
        """GET /2/users/:id/tweets: the latest first."""
        if self._account(request) is None:
            return _unauthorized()
        fault = self.look_up_faults.popleft() if self.look_up_faults else None
        if fault == "look_up_503":
            return problem(Refusal(503, "Service Unavailable", "Service Unavailable"))
        if fault == "look_up_time_out":
            return await _silence(request)
        try:
            count = int(request.query_params.get("max_results", "10"))
        except ValueError:
            count = 0
        if not 5 <= count <= 100:
            return problem(Refusal(400, "Invalid Request", "max_results must be a number from 5 to 100."))
        start = request.query_params.get("start_time", "")
        posts = [post for post in self.platform.by(request.path_params["user_id"]) if rfc3339(post.created_at) >= start]
        listed = [_shown(post) for post in posts[:count]]
        meta: dict[str, object] = {"result_count": len(listed)}
        return JSONResponse({"data": listed, "meta": meta} if listed else {"meta": meta})

    def _account(self, request: Request) -> str | None:
        account = account_of(self.consumer_secret, request.method, str(request.url), request.headers)
        return account if account is not None and ID.fullmatch(account) else None


def problem(refusal: Refusal, headers: dict[str, str] | None = None) -> Response:
    """X's problem JSON."""
    body = {"title": refusal.title, "detail": refusal.detail, "type": "about:blank", "status": refusal.status}
    return JSONResponse(body, status_code=refusal.status, headers=headers, media_type="application/problem+json")


def _shown(post: Post) -> dict[str, object]:
    shown: dict[str, object] = {"id": post.tweet_id, "text": post.text, "created_at": rfc3339(post.created_at)}
    if post.in_reply_to is not None:
        shown["referenced_tweets"] = [{"type": "replied_to", "id": post.in_reply_to}]
    return shown


def _unauthorized() -> Response:
    return problem(Refusal(401, "Unauthorized", "Unauthorized"))


async def _silence(request: Request) -> Response:
    """Says nothing until the caller gives up."""
    try:
        async with asyncio.timeout(LONGEST_SILENCE):
            while (await request.receive())["type"] != "http.disconnect":
                pass
    except TimeoutError:
        pass
    return Response(status_code=504)
