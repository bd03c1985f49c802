"""The control API of the simulated X, under /_simulator/: what happens on the platform, and what goes wrong there.

POST /_simulator/posts      the body of a webhook with customers' posts: they are remembered, and the body is
                            delivered; answers after the webhook said 200, with 502 if it never did
                            (?deliver=false: only remember)
GET  /_simulator/posts      what was posted through the API, in order (?account=ID)
POST /_simulator/recorded   [{account, in_reply_to, text, tweet_id, at}]: ids and times that answers are to get
PUT  /_simulator/webhook    {url}: where to deliver; refused unless it answers the challenge
POST /_simulator/faults     {kind, times}: for the next calls (kinds: x_api.POST_FAULTS, LOOK_UP_FAULTS)
PUT  /_simulator/settings   {rate_limit, rate_window_ms, copies, echoes}
GET  /_simulator/state      counts
"""

from dataclasses import dataclass

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from channels.simulator.x_api import LOOK_UP_FAULTS, POST_FAULTS, Api
from channels.simulator.x_platform import Recorded
from channels.x.items import Unreadable, convert, item_of_tweet
from channels.x.payloads import Tweet


class Fault(msgspec.Struct, forbid_unknown_fields=True):
    """What goes wrong with the next calls."""

    kind: str
    times: int = 1


class Address(msgspec.Struct, forbid_unknown_fields=True):
    """Where the webhook is."""

    url: str


class Changes(msgspec.Struct, forbid_unknown_fields=True):
    """Switches; what is absent stays as it is."""

    rate_limit: int | msgspec.UnsetType | None = msgspec.UNSET
    rate_window_ms: int | msgspec.UnsetType = msgspec.UNSET
    copies: int | msgspec.UnsetType = msgspec.UNSET
    echoes: bool | msgspec.UnsetType = msgspec.UNSET


@dataclass(slots=True)
class Control:
    """The endpoints."""

    api: Api

    def routes(self) -> list[Route]:
        return [
            Route("/_simulator/posts", self.customer_posts, methods=["POST"]),
            Route("/_simulator/posts", self.posts, methods=["GET"]),
            Route("/_simulator/recorded", self.recorded, methods=["POST"]),
            Route("/_simulator/webhook", self.webhook, methods=["PUT"]),
            Route("/_simulator/faults", self.faults, methods=["POST"]),
            Route("/_simulator/settings", self.settings, methods=["PUT"]),
            Route("/_simulator/state", self.state, methods=["GET"]),
        ]

    async def customer_posts(self, request: Request) -> Response:
        """Customers post."""
        try:
            body = msgspec.json.decode(await request.body(), type=dict[str, object])
        except msgspec.DecodeError as error:
            return _bad(error)
        events = body.get("tweet_create_events")
        for event in events if isinstance(events, list) else []:
            self._remember(event)
        if request.query_params.get("deliver") == "false":
            return JSONResponse({"delivered": False, "attempts": 0})
        result = await self.api.hooks.deliver(body)
        shown = {
            "delivered": result.ok,
            "attempts": result.attempts,
            "reason": result.reason,
            "answer": result.answer,
        }
        return JSONResponse(shown, status_code=200 if result.ok else 502)

    async def posts(self, request: Request) -> Response:
        """What was posted."""
        account = request.query_params.get("account")
        listed = [p for p in self.api.platform.posts.values() if account is None or p.account == account]
        return JSONResponse({"posts": [msgspec.to_builtins(post) for post in listed]})

    async def recorded(self, request: Request) -> Response:
        """Ids and times of answers to come."""
        try:
            answers = msgspec.json.decode(await request.body(), type=list[Recorded])
        except msgspec.DecodeError as error:
            return _bad(error)
        self.api.platform.record(answers)
        return JSONResponse({"recorded": len(answers)})

    async def webhook(self, request: Request) -> Response:
        """Registers the webhook."""
        try:
            address = msgspec.json.decode(await request.body(), type=Address)
        except msgspec.DecodeError as error:
            return _bad(error)
        wrong = await self.api.hooks.check(address.url)
        if wrong is not None:
            return JSONResponse({"reason": wrong}, status_code=400)
        self.api.hooks.url = address.url
        return JSONResponse({"url": address.url})

    async def faults(self, request: Request) -> Response:
        """What goes wrong next; times 0 forgets what was set."""
        try:
            fault = msgspec.json.decode(await request.body(), type=Fault)
        except msgspec.DecodeError as error:
            return _bad(error)
        if fault.kind not in (*POST_FAULTS, *LOOK_UP_FAULTS):
            reason = f"{fault.kind!r} is no fault; there are {', '.join((*POST_FAULTS, *LOOK_UP_FAULTS))}"
            return JSONResponse({"reason": reason}, status_code=400)
        queue = self.api.post_faults if fault.kind in POST_FAULTS else self.api.look_up_faults
        if fault.times == 0:
            queue.clear()
        queue.extend([fault.kind] * fault.times)
        return JSONResponse({"waiting": [*self.api.post_faults, *self.api.look_up_faults]})

    async def settings(self, request: Request) -> Response:
        """Switches."""
        try:
            changes = msgspec.json.decode(await request.body(), type=Changes)
        except msgspec.DecodeError as error:
            return _bad(error)
        if changes.rate_limit is not msgspec.UNSET:
            self.api.limits.limit = changes.rate_limit
        if changes.rate_window_ms is not msgspec.UNSET:
            self.api.limits.window = changes.rate_window_ms
        if changes.copies is not msgspec.UNSET:
            self.api.hooks.copies = changes.copies
        if changes.echoes is not msgspec.UNSET:
            self.api.echoes = changes.echoes
        return JSONResponse({"ok": True})

    async def state(self, request: Request) -> Response:
        """Counts."""
        platform, hooks = self.api.platform, self.api.hooks
        return JSONResponse(
            {
                "posts": len(platform.posts),
                "refused": dict(platform.refused),
                "known": len(platform.authors),
                "recorded": len(platform.recorded),
                "webhook": hooks.url,
                "webhooks_delivered": hooks.sent,
                "webhooks_failed": hooks.failed,
                "webhooks_pending": hooks.pending,
            }
        )

    def _remember(self, event: object) -> None:
        """Who wrote a post, so that it can be answered. One that nobody could read is only delivered."""
        try:
            item, tweet = item_of_tweet(event), convert(event, Tweet, "a post")
        except Unreadable:
            return
        self.api.platform.remember(item.item_id, item.author_id, item.screen_name or item.author_id)
        for mention in (tweet.entities and tweet.entities.user_mentions) or []:
            if mention.id_str is not None and mention.screen_name is not None:
                self.api.platform.name(mention.id_str, mention.screen_name)


def _bad(error: msgspec.DecodeError) -> Response:
    return JSONResponse({"reason": f"the body is not what is asked for: {error}"}, status_code=400)
