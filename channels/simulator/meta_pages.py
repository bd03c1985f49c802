"""The simulated Graph API's tokens, pages and webhooks: what is called to set an app up."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import httpx
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from channels.meta import signature
from channels.simulator import meta_errors as errors
from channels.simulator.deriving import same
from channels.simulator.hooks import Body, Sealed
from channels.simulator.meta_calls import Caller, MetaCalls, Parameters, parameters_of
from channels.simulator.meta_credentials import APP_ID, app_of, app_token, page_of
from channels.simulator.meta_errors import GraphError
from channels.simulator.meta_payloads import fields_of, serialised

PAGE_FIELDS: Final = frozenset(
    {
        "feed",
        "messages",
        "message_echoes",
        "message_edits",
        "message_deliveries",
        "message_reads",
        "message_reactions",
        "messaging_postbacks",
        "messaging_referrals",
        "messaging_optins",
        "messaging_handovers",
        "standby",
        "mention",
    }
)
"""What can be subscribed to."""


@dataclass(slots=True)
class Subscription:
    """The app's webhook for pages."""

    url: str
    fields: set[str]


@dataclass(slots=True)
class MetaWebhooks:
    """Where webhooks go. `everything` is set by the control API: it gets all pages' events."""

    http: httpx.AsyncClient
    app_secret: str
    verify_token: str
    everything: str | None = None
    subscription: Subscription | None = None
    pages: dict[str, set[str]] = field(default_factory=dict)
    """What the app subscribed to, by page."""

    def urls(self, body: Body) -> list[str]:
        """Where a body goes; the same address never twice."""
        found = [] if self.everything is None else [self.everything]
        if self.subscription is not None and self._is_wanted(self.subscription, body):
            found.append(self.subscription.url)
        return list(dict.fromkeys(found))

    def seal(self, body: Body) -> Sealed:
        """A body with Meta's signature, over Meta's own way of writing JSON."""
        raw = serialised(body)
        return Sealed(raw, {signature.HEADER: signature.sign(self.app_secret, raw)})

    async def check(self, url: str, verify_token: str) -> str | None:
        """Meta's verification: None if `url` answers as it must, else what is wrong."""
        challenge = str(secrets.randbelow(10**9))
        query = {"hub.mode": "subscribe", "hub.verify_token": verify_token, "hub.challenge": challenge}
        try:
            response = await self.http.get(url, params=query)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return f"the webhook could not be reached ({type(error).__name__})"
        if response.status_code != httpx.codes.OK or response.text != challenge:
            return f"the webhook did not answer with the challenge (HTTP {response.status_code})"
        return None

    def _is_wanted(self, subscription: Subscription, body: Body) -> bool:
        return any(name in subscription.fields & self.pages.get(page, set()) for page, name in fields_of(body))


@dataclass(frozen=True, slots=True)
class MetaPages:
    """The endpoints."""

    calls: MetaCalls
    webhooks: MetaWebhooks

    def routes(self) -> list[Route]:
        return [
            Route("/oauth/access_token", self.access_token, methods=["GET", "POST"]),
            Route("/debug_token", self.debug_token, methods=["GET", "POST"]),
            Route("/me", self.me, methods=["GET"]),
            Route("/{node}/subscribed_apps", self.subscribed_apps, methods=["GET", "POST", "DELETE"]),
            Route("/{node}/subscriptions", self.subscriptions, methods=["GET", "POST", "DELETE"]),
        ]

    async def access_token(self, request: Request) -> Response:
        """/oauth/access_token: the app's token for its secret, or a longer-lived one for a page's."""
        given = await parameters_of(request) or {}
        if not same(str(given.get("client_secret", "")), self.webhooks.app_secret):
            return errors.answer(GraphError(1, "Error validating client secret."))
        app_id = str(given.get("client_id", APP_ID))
        if given.get("grant_type") == "client_credentials":
            return _token(app_token(self.webhooks.app_secret, app_id))
        token = str(given.get("fb_exchange_token", ""))
        known = given.get("grant_type") == "fb_exchange_token" and page_of(self.webhooks.app_secret, token) is not None
        return _token(token) if known else errors.answer(errors.BAD_PARAMETER)

    async def debug_token(self, request: Request) -> Response:
        """/debug_token: what a token may do."""

        def debug(caller: Caller, given: Parameters) -> Body | GraphError:
            token = str(given.get("input_token", ""))
            page, app = page_of(self.webhooks.app_secret, token), app_of(self.webhooks.app_secret, token)
            about: Body = {"app_id": caller.app or APP_ID, "application": "Simulated app", "is_valid": True}
            if page is not None:
                scopes = list(self.calls.platform.switches.scopes)
                about |= {"type": "PAGE", "profile_id": page, "scopes": scopes, "expires_at": 0}
                about["granular_scopes"] = [{"scope": scope, "target_ids": [page]} for scope in scopes]
            elif app is not None:
                about |= {"type": "APP", "scopes": []}
            else:
                wrong = {"code": 190, "message": "Invalid OAuth access token."}
                about |= {"is_valid": False, "scopes": [], "error": wrong}
            return {"data": about}

        return await self._as(request, debug)

    async def me(self, request: Request) -> Response:
        """GET /me: the page whose token it is."""

        def me(caller: Caller, _: Parameters) -> Body | GraphError:
            if caller.page is None:
                return errors.BAD_PARAMETER
            return {"id": caller.page, "name": self.calls.platform.page_name(caller.page)}

        return await self._as(request, me)

    async def subscribed_apps(self, request: Request) -> Response:
        """/{page}/subscribed_apps: which of a page's events the app gets."""
        node, pages = request.path_params["node"], self.webhooks.pages

        def page(caller: Caller, given: Parameters) -> Body | GraphError:
            if caller.page is None or node not in (caller.page, "me"):
                return errors.NO_PERMISSION
            match _method(request, given):
                case "POST":
                    wanted = _names(given.get("subscribed_fields"))
                    if not wanted or not wanted <= PAGE_FIELDS:
                        return errors.BAD_PARAMETER
                    pages[caller.page] = wanted
                case "DELETE":
                    pages.pop(caller.page, None)
                case _:
                    wanted = pages.get(caller.page, set())
                    app = {"id": APP_ID, "name": "Simulated app", "subscribed_fields": sorted(wanted)}
                    return {"data": [app] if wanted else []}
            return {"success": True}

        return await self._as(request, page)

    async def subscriptions(self, request: Request) -> Response:
        """/{app}/subscriptions: the app's webhook. Meta verifies the address before it takes it."""
        given = await parameters_of(request)
        caller = self.calls.caller(request, given)
        if isinstance(caller, GraphError) or given is None:
            return errors.answer(caller if isinstance(caller, GraphError) else errors.BAD_PARAMETER)
        if caller.app is None or request.path_params["node"] != caller.app:
            return errors.answer(errors.NO_PERMISSION)
        match _method(request, given):
            case "POST":
                return await self._subscribe(given)
            case "DELETE":
                self.webhooks.subscription = None
                return JSONResponse({"success": True})
        found = self.webhooks.subscription
        if found is None:
            return JSONResponse({"data": []})
        fields = [{"name": name, "version": "v23.0"} for name in sorted(found.fields)]
        return JSONResponse({"data": [{"object": "page", "callback_url": found.url, "active": True, "fields": fields}]})

    async def _subscribe(self, given: Parameters) -> Response:
        url, wanted = str(given.get("callback_url", "")), _names(given.get("fields"))
        if given.get("object") != "page" or not wanted or not wanted <= PAGE_FIELDS:
            return errors.answer(errors.BAD_PARAMETER)
        wrong = await self.webhooks.check(url, str(given.get("verify_token", "")))
        if wrong is not None:
            return errors.answer(
                GraphError(2200, f"(#2200) Callback verification failed: {wrong}", type="OAuthException")
            )
        self.webhooks.subscription = Subscription(url, wanted)
        return JSONResponse({"success": True})

    async def _as(self, request: Request, do: Callable[[Caller, Parameters], Body | GraphError]) -> Response:
        given = await parameters_of(request)
        caller = self.calls.caller(request, given)
        done = caller if isinstance(caller, GraphError) else do(caller, given or {})
        return errors.answer(done) if isinstance(done, GraphError) else JSONResponse(done)


def _method(request: Request, given: Parameters) -> str:
    """What is done: a POST may name another method, so that no secret stands in an address."""
    return str(given.get("method", request.method)).upper()


def _token(token: str) -> Response:
    return JSONResponse({"access_token": token, "token_type": "bearer"})


def _names(value: object) -> set[str]:
    """A list, or names with commas between."""
    listed = value if isinstance(value, list) else str(value or "").split(",")
    return {str(name).strip() for name in listed} - {""}
