"""The simulated X's webhooks: registered by the app, subscribed to by accounts. As X's v2 has them."""

import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httpx
import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from channels.simulator import x_records as x
from channels.simulator.hooks import Body, Sealed
from channels.simulator.x_calls import problem
from channels.simulator.x_credentials import account_of, app_token, is_app, is_key_and_secret
from channels.simulator.x_platform import rfc3339
from channels.simulator.x_records import Refusal
from channels.x import signature
from channels.x.items import ID


class NewWebhook(msgspec.Struct):
    """The body of POST /2/webhooks."""

    url: str


@dataclass(slots=True)
class Registered:
    """A webhook, and the accounts whose activity it gets."""

    webhook_id: str
    url: str
    created_at: int
    valid: bool = True
    accounts: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Webhooks:
    """All of the app's. `everything` is a webhook that the control API has set: it gets all accounts' activity."""

    http: httpx.AsyncClient
    consumer_secret: str
    clock: Callable[[], int]
    everything: str | None = None
    registered: dict[str, Registered] = field(default_factory=dict)

    def urls(self, body: Body) -> list[str]:
        """Where a body goes; the same address never twice."""
        account = body.get("for_user_id")
        subscribed = [each.url for each in self.registered.values() if each.valid and account in each.accounts]
        given = [] if self.everything is None else [self.everything]
        return list(dict.fromkeys(given + subscribed))

    def seal(self, body: Body) -> Sealed:
        """A body with X's signature."""
        raw = json.dumps(body, ensure_ascii=False).encode("utf-8", "backslashreplace")
        return Sealed(raw, {signature.HEADER: signature.sign(self.consumer_secret, raw)})

    async def check(self, url: str) -> str | None:
        """X's challenge (CRC): None if `url` answers as it must, else what is wrong."""
        token = secrets.token_urlsafe(16)
        try:
            response = await self.http.get(url, params={"crc_token": token})
            answer = response.json()
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            return f"the webhook did not answer the challenge with JSON ({type(error).__name__})"
        if response.status_code != httpx.codes.OK or answer != signature.crc_answer(self.consumer_secret, token):
            return "the webhook's answer to the challenge is wrong: it has another consumer secret"
        return None

    def routes(self) -> list[Route]:
        """X's API for them."""
        subscriptions = "/2/account_activity/webhooks/{webhook_id}/subscriptions"
        return [
            Route("/oauth2/token", self.token, methods=["POST"]),
            Route("/2/webhooks", self.create, methods=["POST"]),
            Route("/2/webhooks", self.listing, methods=["GET"]),
            Route("/2/webhooks/{webhook_id}", self.validate, methods=["PUT"]),
            Route("/2/webhooks/{webhook_id}", self.remove, methods=["DELETE"]),
            Route(f"{subscriptions}/all", self.subscribe, methods=["POST"]),
            Route(f"{subscriptions}/all", self.is_subscribed, methods=["GET"]),
            Route(f"{subscriptions}/all/list", self.subscriptions, methods=["GET"]),
            Route(f"{subscriptions}/{{user_id}}/all", self.unsubscribe, methods=["DELETE"]),
            Route("/2/account_activity/subscriptions/count", self.count, methods=["GET"]),
        ]

    async def token(self, request: Request) -> Response:
        """POST /oauth2/token: the app's own token for its key and secret."""
        if not is_key_and_secret(self.consumer_secret, request.headers):
            return problem(Refusal(403, "Forbidden", "Unable to verify your credentials"))
        return JSONResponse({"token_type": "bearer", "access_token": app_token(self.consumer_secret).token})

    async def create(self, request: Request) -> Response:
        """POST /2/webhooks: X challenges the address before it takes it."""
        if not is_app(self.consumer_secret, request.headers):
            return self._not_the_app(request)
        try:
            url = msgspec.json.decode(await request.body(), type=NewWebhook).url
        except msgspec.DecodeError:
            return problem(x.INVALID)
        if not _is_allowed(url):
            return _refused("UrlValidationFailed", "The URL must begin with https.")
        if any(each.url == url for each in self.registered.values()):
            return _refused("DuplicateUrlFailed", "A webhook with this URL is there already.")
        wrong = await self.check(url)
        if wrong is not None:
            return _refused("CrcValidationFailed", wrong)
        made = Registered(str((self.clock() << 20) + len(self.registered)), url, self.clock())
        self.registered[made.webhook_id] = made
        return JSONResponse(_shown(made))

    async def listing(self, request: Request) -> Response:
        """GET /2/webhooks."""
        if not is_app(self.consumer_secret, request.headers):
            return self._not_the_app(request)
        listed = [_shown(each) for each in self.registered.values()]
        return JSONResponse({"data": listed, "meta": {"result_count": len(listed)}})

    async def validate(self, request: Request) -> Response:
        """PUT /2/webhooks/:id: challenges the webhook again."""
        found = self._of_app(request)
        if isinstance(found, Response):
            return found
        wrong = await self.check(found.url)
        found.valid = wrong is None
        return JSONResponse({"data": {"attempted": True}}) if wrong is None else _refused("CrcValidationFailed", wrong)

    async def remove(self, request: Request) -> Response:
        """DELETE /2/webhooks/:id."""
        found = self._of_app(request)
        if isinstance(found, Response):
            return found
        del self.registered[found.webhook_id]
        return JSONResponse({"data": {"deleted": True}})

    async def subscribe(self, request: Request) -> Response:
        """POST …/subscriptions/all: the account that asks is subscribed."""
        found = self._of_account(request)
        if isinstance(found, Response):
            return found
        registered, account = found
        registered.accounts.add(account)
        return JSONResponse({"data": {"subscribed": True}})

    async def is_subscribed(self, request: Request) -> Response:
        """GET …/subscriptions/all: whether the account that asks is."""
        found = self._of_account(request)
        if isinstance(found, Response):
            return found
        registered, account = found
        return JSONResponse({"data": {"subscribed": account in registered.accounts}})

    async def subscriptions(self, request: Request) -> Response:
        """GET …/subscriptions/all/list: who is."""
        found = self._of_app(request)
        if isinstance(found, Response):
            return found
        listed = [{"user_id": account} for account in sorted(found.accounts)]
        data = {"application_id": "1", "webhook_id": found.webhook_id, "webhook_url": found.url}
        return JSONResponse({"data": data | {"subscriptions": listed}})

    async def unsubscribe(self, request: Request) -> Response:
        """DELETE …/subscriptions/:user_id/all."""
        found = self._of_app(request)
        if isinstance(found, Response):
            return found
        found.accounts.discard(request.path_params["user_id"])
        return JSONResponse({"data": {"subscribed": False}})

    async def count(self, request: Request) -> Response:
        """GET /2/account_activity/subscriptions/count."""
        if not is_app(self.consumer_secret, request.headers):
            return self._not_the_app(request)
        subscribed = sum(len(each.accounts) for each in self.registered.values())
        data = {
            "account_name": "simulated",
            "provisioned_count": "15",
            "subscriptions_count_all": str(subscribed),
            "subscriptions_count_direct_messages": "0",
        }
        return JSONResponse({"data": data})

    def _of_app(self, request: Request) -> Registered | Response:
        if not is_app(self.consumer_secret, request.headers):
            return self._not_the_app(request)
        found = self.registered.get(request.path_params["webhook_id"])
        return _refused("WebhookIdInvalid", "There is no such webhook.") if found is None else found

    def _of_account(self, request: Request) -> tuple[Registered, str] | Response:
        account = account_of(self.consumer_secret, request.method, str(request.url), request.headers)
        if account is None or ID.fullmatch(account) is None:
            is_the_app = is_app(self.consumer_secret, request.headers)
            return problem(x.WRONG_TOKEN if is_the_app else x.UNAUTHORIZED)
        found = self.registered.get(request.path_params["webhook_id"])
        if found is None:
            return _refused("WebhookIdInvalid", "There is no such webhook.")
        return found, account

    def _not_the_app(self, request: Request) -> Response:
        """X takes only the app's own token here: it says so to an account, and no more to a stranger."""
        account = account_of(self.consumer_secret, request.method, str(request.url), request.headers)
        return problem(x.UNAUTHORIZED if account is None else x.WRONG_TOKEN)


def _shown(registered: Registered) -> Body:
    return {
        "id": registered.webhook_id,
        "url": registered.url,
        "valid": registered.valid,
        "created_at": rfc3339(registered.created_at),
    }


def _is_allowed(url: str) -> bool:
    """X wants https; this machine may be called without."""
    parts = urlsplit(url)
    return len(url) <= 200 and (parts.scheme == "https" or (parts.scheme == "http" and parts.hostname == "127.0.0.1"))


def _refused(reason: str, detail: str) -> Response:
    return problem(
        Refusal(
            400, "Invalid Request", x.INVALID.detail, {"reason": reason, "errors": [{"message": f"{reason}: {detail}"}]}
        )
    )
