"""The control API of the simulator, under /_simulator/: what goes wrong on the platforms, and what was done there.

docs/reference/simulator.md has all of it. What customers do: customers.py; recorded traffic: x_recorded.py.
"""

from dataclasses import dataclass
from typing import Annotated, Final, Literal, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from channels.simulator.faults import Faults, Rates, UnknownFault
from channels.simulator.hooks import Body, Hooks
from channels.simulator.instructions import refused, unreadable
from channels.simulator.limits import HOUR, QUARTER, X_LIMITS, Limits
from channels.simulator.meta_calls import ALL_CALLS
from channels.simulator.meta_credentials import psid
from channels.simulator.meta_pages import MetaWebhooks
from channels.simulator.meta_platform import MetaPlatform
from channels.simulator.switches import Tier
from channels.simulator.x_platform import Platform
from channels.simulator.x_webhooks import Webhooks

T = TypeVar("T")
Side = Literal["x", "meta"]
Count = Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]

LOOK_UP_PREFIX: Final = "look_up_"
"""A fault of the next look-up may be named so too: look_up_503."""


class Fault(msgspec.Struct, forbid_unknown_fields=True):
    """What goes wrong with the next calls."""

    kind: str
    times: Count = 1
    channel: Side = "x"
    call: str | None = None
    """Only with those of this sort; None: with any that does something."""


class Chances(Rates, frozen=True, forbid_unknown_fields=True):
    """What goes wrong by chance, on one side or on both."""

    channel: Side | None = None


class Address(msgspec.Struct, forbid_unknown_fields=True):
    """Where the webhook is."""

    url: str
    channel: Side = "x"


class Named(msgspec.Struct, forbid_unknown_fields=True):
    """How an account is called: X's screen name, or a page's name."""

    channel: Literal["x", "facebook", "messenger"]
    id: str
    name: str


class Changes(msgspec.Struct, forbid_unknown_fields=True):
    """Switches; what is absent stays as it is."""

    rate_limit: int | msgspec.UnsetType | None = msgspec.UNSET
    """X: posts of each account in a window."""
    rate_window_ms: int | msgspec.UnsetType = msgspec.UNSET
    limits: Literal["documented"] | dict[str, int] | msgspec.UnsetType | None = msgspec.UNSET
    """X: calls of each account in 15 minutes, by call; or those that X documents."""
    meta_limit: int | msgspec.UnsetType | None = msgspec.UNSET
    """Meta: calls of each page in an hour."""
    copies: Annotated[int, msgspec.Meta(ge=1, le=10)] | msgspec.UnsetType = msgspec.UNSET
    echoes: bool | msgspec.UnsetType = msgspec.UNSET
    rewrites: bool | msgspec.UnsetType = msgspec.UNSET
    tier: Tier | msgspec.UnsetType = msgspec.UNSET
    access_level: str | msgspec.UnsetType = msgspec.UNSET
    silence_ms: Count | msgspec.UnsetType = msgspec.UNSET
    hold_ms: Count | msgspec.UnsetType = msgspec.UNSET
    clock_ahead_ms: int | msgspec.UnsetType = msgspec.UNSET
    scopes: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET


@dataclass(frozen=True, slots=True)
class Control:
    """The endpoints."""

    x: Platform
    meta: MetaPlatform
    x_hooks: Hooks
    meta_hooks: Hooks
    x_webhooks: Webhooks
    meta_webhooks: MetaWebhooks
    x_limits: Limits
    meta_limits: Limits

    def routes(self) -> list[Route]:
        return [
            Route("/_simulator/webhook", self.webhook, methods=["PUT"]),
            Route("/_simulator/faults", self.next_faults, methods=["POST"]),
            Route("/_simulator/faults", self.chances, methods=["PUT"]),
            Route("/_simulator/faults", self.no_faults, methods=["DELETE"]),
            Route("/_simulator/settings", self.settings, methods=["PUT"]),
            Route("/_simulator/accounts", self.accounts, methods=["PUT"]),
            Route("/_simulator/state", self.state, methods=["GET"]),
            Route("/_simulator/journal", self.journal, methods=["GET"]),
            Route("/_simulator/items", self.items, methods=["GET"]),
            Route("/_simulator/psid", self.psid, methods=["GET"]),
        ]

    async def webhook(self, request: Request) -> Response:
        """Registers a webhook for everything that happens; refused unless it proves itself."""
        try:
            address = msgspec.json.decode(await request.body(), type=Address)
        except msgspec.DecodeError as error:
            return unreadable(error)
        if address.channel == "x":
            wrong = await self.x_webhooks.check(address.url)
        else:
            wrong = await self.meta_webhooks.check(address.url, self.meta_webhooks.verify_token)
        if wrong is not None:
            return refused(wrong)
        webhooks: Webhooks | MetaWebhooks = self.x_webhooks if address.channel == "x" else self.meta_webhooks
        webhooks.everything = address.url
        return JSONResponse({"url": address.url})

    async def next_faults(self, request: Request) -> Response:
        """What goes wrong next; times 0 forgets what was set."""
        try:
            fault = msgspec.json.decode(await request.body(), type=Fault)
        except msgspec.DecodeError as error:
            return unreadable(error)
        kind, call = fault.kind, fault.call
        if kind.startswith(LOOK_UP_PREFIX):
            kind, call = kind.removeprefix(LOOK_UP_PREFIX), "look_up"
        faults = self._faults(fault.channel)
        try:
            faults.queue(kind, call, fault.times)
        except UnknownFault as error:
            return refused(str(error))
        return JSONResponse({"waiting": faults.waiting})

    async def chances(self, request: Request) -> Response:
        """What goes wrong by chance from now on."""
        try:
            chances = msgspec.json.decode(await request.body(), type=Chances)
        except msgspec.DecodeError as error:
            return unreadable(error)
        if chances.fail + chances.lose_answer > 1:
            return refused("fail and lose_answer are shares of the same calls: at most 1 together")
        rates = msgspec.convert(chances, Rates, from_attributes=True)
        try:
            for side in ("x", "meta") if chances.channel is None else (chances.channel,):
                self._faults(side).use(rates)
        except UnknownFault as error:
            return refused(str(error))
        return JSONResponse(msgspec.to_builtins(rates))

    async def no_faults(self, request: Request) -> Response:
        """Nothing goes wrong any more."""
        for side in ("x", "meta"):
            self._faults(side).clear()
        return JSONResponse({"ok": True})

    async def settings(self, request: Request) -> Response:
        """Switches."""
        try:
            changes = msgspec.json.decode(await request.body(), type=Changes)
        except msgspec.DecodeError as error:
            return unreadable(error)
        unknown = sorted(set(changes.limits) - set(X_LIMITS)) if isinstance(changes.limits, dict) else []
        if unknown:
            return refused(f"{unknown[0]!r} is no call with a limit; there are {', '.join(X_LIMITS)}")
        self._limit(changes)
        switches = self.x.switches
        switches.echoes = _new(changes.echoes, switches.echoes)
        switches.rewrites = _new(changes.rewrites, switches.rewrites)
        switches.tier = _new(changes.tier, switches.tier)
        switches.access_level = _new(changes.access_level, switches.access_level)
        switches.silence = _new(changes.silence_ms, switches.silence * 1000) / 1000
        switches.shift = _new(changes.clock_ahead_ms, switches.shift)
        switches.scopes = _new(changes.scopes, switches.scopes)
        for hooks in (self.x_hooks, self.meta_hooks):
            hooks.copies = _new(changes.copies, hooks.copies)
            hooks.hold = _new(changes.hold_ms, hooks.hold * 1000) / 1000
        return JSONResponse({"ok": True})

    async def accounts(self, request: Request) -> Response:
        """How accounts are called."""
        try:
            named = msgspec.json.decode(await request.body(), type=list[Named])
        except msgspec.DecodeError as error:
            return unreadable(error)
        for each in named:
            if each.channel == "x":
                self.x.name(each.id, each.name)
            else:
                self.meta.names[each.id] = each.name
        return JSONResponse({"ok": True})

    async def state(self, request: Request) -> Response:
        """Counts."""
        both = (self.x_hooks, self.meta_hooks)
        return JSONResponse(
            {
                "posts": len(self.x.posts),
                "refused": dict(self.x.refused + self.meta.refused),
                "known": len(self.x.authors),
                "recorded": len(self.x.recorded),
                "meta_items": len(self.meta.items),
                "actions": len(self.x.journal.actions),
                "webhook": self.x_webhooks.everything,
                "meta_webhook": self.meta_webhooks.everything,
                "webhooks_delivered": sum(hooks.sent for hooks in both),
                "webhooks_failed": sum(hooks.failed for hooks in both),
                "webhooks_pending": sum(hooks.pending for hooks in both),
                "faults": dict(self._faults("x").happened + self._faults("meta").happened),
            }
        )

    async def journal(self, request: Request) -> Response:
        """Everything that was done through the APIs, in order: ?channel=, ?account=, ?after=N."""
        query = request.query_params
        after = query.get("after", "0")
        if not (after.isascii() and after.isdigit()):
            return refused("after is to be a number")
        listed = [
            msgspec.to_builtins(action)
            for action in self.x.journal.actions[int(after) :]
            if action.channel == query.get("channel", action.channel)
            and action.account == query.get("account", action.account)
        ]
        return JSONResponse({"actions": listed})

    async def items(self, request: Request) -> Response:
        """Everything that stands on the platforms: ?channel=."""
        channel = request.query_params.get("channel")
        listed = [*_x_items(self.x), *_meta_items(self.meta)]
        return JSONResponse({"items": [item for item in listed if channel in (None, item["channel"])]})

    async def psid(self, request: Request) -> Response:
        """The PSID of a commenter: ?account=PAGE&id=PERSON. Only the simulator can tell."""
        query = request.query_params
        return JSONResponse({"psid": psid(self.meta.app_secret, query.get("account", ""), query.get("id", ""))})

    def _limit(self, changes: Changes) -> None:
        windows = self.x_limits.windows
        if changes.limits is not msgspec.UNSET:
            windows.clear()
        if changes.limits == "documented":
            windows.update(X_LIMITS)
        elif isinstance(changes.limits, dict):
            windows.update({call: ((limit, QUARTER),) for call, limit in changes.limits.items()})
        before, length = windows.get("post", ((None, QUARTER),))[0]
        limit = before if changes.rate_limit is msgspec.UNSET else changes.rate_limit
        length = length if changes.rate_window_ms is msgspec.UNSET else changes.rate_window_ms
        if changes.rate_limit is not msgspec.UNSET or changes.rate_window_ms is not msgspec.UNSET:
            windows.pop("post", None)
            windows.update({} if limit is None else {"post": ((limit, length),)})
        if changes.meta_limit is not msgspec.UNSET:
            self.meta_limits.windows = {} if changes.meta_limit is None else {ALL_CALLS: ((changes.meta_limit, HOUR),)}

    def _faults(self, side: str) -> Faults:
        return self.x_hooks.faults if side == "x" else self.meta_hooks.faults


def _new(given: T | msgspec.UnsetType, before: T) -> T:
    """What is given, if anything is."""
    return before if isinstance(given, msgspec.UnsetType) else given


def _x_items(platform: Platform) -> list[Body]:
    return [
        *(
            _item("x", "post", tweet_id, author.user_id, False, author.text, author.at, author.in_reply_to)
            | {"hidden": tweet_id in platform.hidden}
            for tweet_id, author in platform.authors.items()
        ),
        *(
            _item("x", "post", post.tweet_id, post.account, True, post.text, post.created_at, post.in_reply_to)
            for post in platform.posts.values()
        ),
        *(
            _item("x", "direct_message", each.message_id, each.sender, each.own, each.text, each.at, None)
            | {"recipient": each.recipient}
            for each in platform.messages.values()
        ),
    ]


def _meta_items(platform: MetaPlatform) -> list[Body]:
    return [
        _item(
            item.channel,
            item.kind,
            item.item_id,
            item.page if item.own else item.author.id if item.author is not None else None,
            item.own,
            item.text,
            item.at,
            item.in_reply_to,
        )
        | {"account": item.page, "post_id": item.post_id, "hidden": item.hidden, "deleted": item.deleted}
        | {"liked": item.liked, "delivery_id": item.delivery_id}
        for item in platform.items.values()
    ]


def _item(
    channel: str, kind: str, item_id: str, author: str | None, own: bool, text: str, at: int, in_reply_to: str | None
) -> Body:
    return {
        "channel": channel,
        "kind": kind,
        "item_id": item_id,
        "author": author,
        "own": own,
        "text": text,
        "at": at,
        "in_reply_to": in_reply_to,
    }
