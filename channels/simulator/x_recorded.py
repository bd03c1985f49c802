"""The control API's part for recorded traffic of X: bodies as they were, and the ids that answers are to get.

POST /_simulator/posts      the body of a webhook with customers' posts: they are remembered, and the body is
                            delivered; answers after the webhook said 200, with 502 if it never did
                            (?deliver=false: only remember)
GET  /_simulator/posts      what was posted through the API, in order (?account=ID)
POST /_simulator/recorded   [{account, in_reply_to, text, tweet_id, at}]: ids and times that answers are to get
"""

from dataclasses import dataclass

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from channels.mapping import Unreadable, convert
from channels.simulator.hooks import Hooks
from channels.simulator.instructions import unreadable
from channels.simulator.x_platform import Platform
from channels.simulator.x_records import Author, Recorded
from channels.x.items import item_of_tweet
from channels.x.payloads import Tweet


@dataclass(frozen=True, slots=True)
class RecordedApi:
    """The endpoints."""

    platform: Platform
    hooks: Hooks

    def routes(self) -> list[Route]:
        return [
            Route("/_simulator/posts", self.customer_posts, methods=["POST"]),
            Route("/_simulator/posts", self.posts, methods=["GET"]),
            Route("/_simulator/recorded", self.recorded, methods=["POST"]),
        ]

    async def customer_posts(self, request: Request) -> Response:
        """Customers post."""
        try:
            body = msgspec.json.decode(await request.body(), type=dict[str, object])
        except msgspec.DecodeError as error:
            return unreadable(error)
        events = body.get("tweet_create_events")
        for event in events if isinstance(events, list) else []:
            self._remember(event)
        if request.query_params.get("deliver") == "false":
            return JSONResponse({"delivered": False, "attempts": 0})
        result = await self.hooks.deliver(body)
        return JSONResponse(result.shown(), status_code=200 if result.ok else 502)

    async def posts(self, request: Request) -> Response:
        """What was posted."""
        account = request.query_params.get("account")
        listed = [post for post in self.platform.posts.values() if account is None or post.account == account]
        return JSONResponse({"posts": [msgspec.to_builtins(post) for post in listed]})

    async def recorded(self, request: Request) -> Response:
        """Ids and times of answers to come."""
        try:
            answers = msgspec.json.decode(await request.body(), type=list[Recorded])
        except msgspec.DecodeError as error:
            return unreadable(error)
        self.platform.record(answers)
        return JSONResponse({"recorded": len(answers)})

    def _remember(self, event: object) -> None:
        """Who wrote a post, so that it can be answered. One that nobody could read is only delivered."""
        try:
            item, tweet = item_of_tweet(event), convert(event, Tweet, "a post")
        except Unreadable:
            return
        author = Author(
            user_id=item.author_id,
            screen_name=item.screen_name or item.author_id,
            text=item.text,
            at=item.posted_at,
            in_reply_to=item.answers_item,
            mentions=item.mentions,
            quotes=item.quotes_user,
        )
        self.platform.remember(item.item_id, author)
        for mention in (tweet.entities and tweet.entities.user_mentions) or []:
            if mention.id_str is not None and mention.screen_name is not None:
                self.platform.name(mention.id_str, mention.screen_name)
