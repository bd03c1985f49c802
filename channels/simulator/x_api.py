"""The simulated X's API v2 as the client calls it: posts, retweets, likes, hidden replies."""

from dataclasses import dataclass

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from channels.simulator import x_records as x
from channels.simulator.hooks import Body
from channels.simulator.x_calls import Calls, Done, Nothing
from channels.simulator.x_payloads import deleted, liked, own_post, retweeted
from channels.simulator.x_platform import Platform, rfc3339
from channels.simulator.x_records import Post, Refusal
from channels.x.items import ID


class Reply(msgspec.Struct):
    """What a new post answers."""

    in_reply_to_tweet_id: str


class NewPost(msgspec.Struct):
    """The body of POST /2/tweets."""

    text: str
    reply: Reply | None = None


class Target(msgspec.Struct):
    """The body of a retweet and of a like."""

    tweet_id: str


class Hidden(msgspec.Struct):
    """The body of PUT /2/tweets/:id/hidden."""

    hidden: bool


@dataclass(frozen=True, slots=True)
class Api:
    """The endpoints."""

    calls: Calls

    def routes(self) -> list[Route]:
        return [
            Route("/2/tweets", self.create, methods=["POST"]),
            Route("/2/tweets/{tweet_id}", self.delete, methods=["DELETE"]),
            Route("/2/tweets/{tweet_id}/hidden", self.hide, methods=["PUT"]),
            Route("/2/users/me", self.me, methods=["GET"]),
            Route("/2/users/{of_user}/tweets", self.timeline, methods=["GET"]),
            Route("/2/users/{user_id}/retweets", self.retweet, methods=["POST"]),
            Route("/2/users/{user_id}/likes", self.like, methods=["POST"]),
        ]

    async def create(self, request: Request) -> Response:
        """POST /2/tweets."""

        def post(account: str, wanted: NewPost) -> Done | Refusal:
            in_reply_to = None if wanted.reply is None else wanted.reply.in_reply_to_tweet_id
            if in_reply_to is not None and ID.fullmatch(in_reply_to) is None:
                return x.INVALID
            made = self._platform.post(account, in_reply_to, wanted.text)
            if isinstance(made, Refusal):
                return made
            answer: Body = {"data": {"id": made.tweet_id, "text": self._platform.shown(made)}}
            return Done(answer, own_post(self._platform, made), status=201)

        return await self.calls.act(request, "post", NewPost, post)

    async def delete(self, request: Request) -> Response:
        """DELETE /2/tweets/:id."""
        tweet_id = request.path_params["tweet_id"]

        def delete(account: str, _: Nothing) -> Done | Refusal:
            if not self._platform.delete(account, tweet_id):
                return x.NO_TWEET
            echo = deleted(account, tweet_id, account, self._platform.switches.now())
            return Done({"data": {"deleted": True}}, echo)

        return await self.calls.act(request, "delete", Nothing, delete)

    async def hide(self, request: Request) -> Response:
        """PUT /2/tweets/:id/hidden: hides a reply, or shows it again."""

        def hide(account: str, wanted: Hidden) -> Done | Refusal:
            refusal = self._platform.hide(account, request.path_params["tweet_id"], wanted.hidden)
            return refusal or Done({"data": {"hidden": wanted.hidden}})

        return await self.calls.act(request, "hide", Hidden, hide)

    async def retweet(self, request: Request) -> Response:
        """POST /2/users/:id/retweets."""

        def retweet(account: str, wanted: Target) -> Done | Refusal:
            made = self._platform.retweet(account, wanted.tweet_id)
            if isinstance(made, Refusal):
                return made
            now = self._platform.switches.now()
            echo = retweeted(self._platform, account, account, made, wanted.tweet_id, now)
            return Done({"data": {"retweeted": True, "rest_id": made}}, echo)

        return await self.calls.act(request, "retweet", Target, retweet)

    async def like(self, request: Request) -> Response:
        """POST /2/users/:id/likes."""

        def like(account: str, wanted: Target) -> Done | Refusal:
            is_new = self._platform.like(account, wanted.tweet_id)
            if isinstance(is_new, Refusal):
                return is_new
            now = self._platform.switches.now()
            echo = liked(self._platform, account, account, wanted.tweet_id, now) if is_new else None
            return Done({"data": {"liked": True}}, echo)

        return await self.calls.act(request, "like", Target, like)

    async def me(self, request: Request) -> Response:
        """GET /2/users/me."""

        def me(account: str) -> Body:
            name = self._platform.names.get(account, account)
            return {"data": {"id": account, "name": name, "username": name}}

        return await self.calls.look(request, me)

    async def timeline(self, request: Request) -> Response:
        """GET /2/users/:id/tweets: the latest first."""
        query = request.query_params

        def posts(_: str) -> Body | Refusal:
            count = _count(query.get("max_results", "10"))
            if not 5 <= count <= 100:
                return Refusal(400, "Invalid Request", "max_results must be a number from 5 to 100.")
            start = query.get("start_time", "")
            found = self._platform.by(request.path_params["of_user"])
            listed = [self._shown(post) for post in found if rfc3339(post.created_at) >= start][:count]
            meta: Body = {"result_count": len(listed)}
            return {"data": listed, "meta": meta} if listed else {"meta": meta}

        return await self.calls.look(request, posts)

    def _shown(self, post: Post) -> Body:
        shown: Body = {
            "id": post.tweet_id,
            "text": self._platform.shown(post),
            "created_at": rfc3339(post.created_at),
        }
        if post.in_reply_to is not None:
            shown["referenced_tweets"] = [{"type": "replied_to", "id": post.in_reply_to}]
        return shown

    @property
    def _platform(self) -> Platform:
        return self.calls.platform


def _count(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0
