"""An account on X: who its token acts for, what it may, and its webhook.

The webhook is the app's and is registered with the app's own token; the subscription is the account's.
"""

from dataclasses import dataclass
from typing import Any, Final

import httpx

from channels.x.client import BearerToken, Credentials, auth_of
from rejoinder.accounts import Kept, XToken, kept_name
from rejoinder.connecting.calls import Answer, Bearer, Caller, Rejected, text_of
from rejoinder.connecting.findings import Finding, missing, ok, warning
from rejoinder.sections import X

WEBHOOKS: Final = "/2/webhooks"
ACCESS_HEADER: Final = "x-access-level"
"""What an OAuth 1.0a token may; X sends it with every answer to one."""
ACCESS: Final = frozenset({"read", "write", "directmessages"})
SCOPES: Final = frozenset({
    "tweet.read", "tweet.write", "tweet.moderate.write", "users.read", "dm.read", "dm.write", "like.write",
    "offline.access",
})  # fmt: skip
"""What an OAuth 2.0 token needs: to answer, hide, write direct messages, like, and be renewed."""


@dataclass(frozen=True)
class Who:
    """For whom a token acts."""

    id: str
    handle: str
    access: frozenset[str] | None
    """What an OAuth 1.0a token may; None: X did not say."""


@dataclass(frozen=True)
class Webhook:
    """One of the app's webhooks, as X knows it."""

    id: str
    url: str
    valid: bool


def who(caller: Caller, credentials: Credentials, name: str) -> Who:
    """Asks X for whom a token acts. Raises Rejected, CallFailed."""
    answer = caller.call("GET", "/2/users/me", auth_of(credentials))
    if answer.status == 401:
        raise Rejected(f"X does not know the token of {name}: make a new one, and give it with {_add(name)}")
    found = answer.part()
    account = text_of(found, "id")
    if not answer.good or account is None:
        raise Rejected(_refused(answer, f"does not say for whom the token of {name} acts"))
    told = answer.headers.get(ACCESS_HEADER)
    return Who(account, text_of(found, "username") or account, frozenset(told.lower().split("-")) if told else None)


def app_auth(caller: Caller, x: X) -> httpx.Auth:
    """The app's own token, which X derives from its key and secret. Raises Rejected, CallFailed."""
    if x.consumer_key is None or x.consumer_secret is None:
        raise Rejected("webhooks are registered by the app: set x.consumer_key and x.consumer_secret")
    basic = httpx.BasicAuth(x.consumer_key, x.consumer_secret.get_secret_value())
    answer = caller.call("POST", "/oauth2/token", basic, form={"grant_type": "client_credentials"})
    token = answer.text("access_token")
    if not answer.good or token is None:
        raise Rejected(_refused(answer, "does not know the app: correct x.consumer_key and x.consumer_secret"))
    return Bearer(token)


def webhooks(caller: Caller, app: httpx.Auth) -> list[Webhook]:
    """The app's webhooks. Raises Rejected, CallFailed."""
    answer = caller.call("GET", WEBHOOKS, app)
    if not answer.good:
        raise Rejected(_refused(answer, "does not tell the app's webhooks: the app may have no access to them"))
    return [found for row in answer.rows() if (found := _webhook(row)) is not None]


def register(caller: Caller, app: httpx.Auth, url: str) -> tuple[Webhook, str]:
    """Sees to it that the app's webhook is registered and valid. Gives it, and what was done.

    Raises:
        Rejected: X does not take it; CallFailed.
    """
    known = webhooks(caller, app)
    found = next((each for each in known if each.url == url), None)
    if found is not None and found.valid:
        return found, "is registered already, and valid"
    if found is not None:
        answer = caller.call("PUT", f"{WEBHOOKS}/{found.id}", app)
        again = next((each for each in webhooks(caller, app) if each.id == found.id), found)
        if not answer.good or not again.valid:
            raise Rejected(_refused(answer, f"finds the webhook {url} not valid: {_REACHABLE}"))
        return again, "was not valid any more, and is again"
    answer = caller.call("POST", WEBHOOKS, app, content={"url": url})
    made = _webhook(answer.part() or answer.body) if answer.good else None
    if made is None:
        others = f"; the app has {', '.join(each.url for each in known)} already" if known else ""
        raise Rejected(_refused(answer, f"does not take the webhook {url}{others}: {_REACHABLE}"))
    return made, "is registered now"


def is_subscribed(caller: Caller, credentials: Credentials, webhook: Webhook) -> bool:
    """Whether what happens to the account goes to the webhook. Raises CallFailed."""
    answer = caller.call("GET", _subscriptions(webhook), auth_of(credentials))
    return answer.status == 204 or (answer.good and answer.part().get("subscribed") is True)


def subscribe(caller: Caller, credentials: Credentials, webhook: Webhook, name: str) -> str:
    """Sees to it that the account is subscribed; says what was done. Raises Rejected, CallFailed."""
    if is_subscribed(caller, credentials, webhook):
        return "is subscribed already"
    answer = caller.call("POST", _subscriptions(webhook), auth_of(credentials), content={})
    if not answer.good:
        raise Rejected(
            _refused(answer, f"does not subscribe {name}: the app needs access to account activity and to messages")
        )
    return "is subscribed now"


def check_permissions(name: str, kept: Kept | None, found: Who) -> Finding:
    """Whether the token may do all that we do."""
    if isinstance(kept, XToken):
        if not kept.scopes:
            return warning(
                name, "permissions", "it is not known what the token may",
                f"give X's whole answer to {_add(name)}, which names the scopes",
            )  # fmt: skip
        lacking, mend = SCOPES - set(kept.scopes), "let the account authorise the app with these scopes"
    elif found.access is None:
        return warning(name, "permissions", "X did not say what the token may", "look in X's developer portal")
    else:
        lacking, mend = ACCESS - found.access, (
            "let the app read, write and access direct messages, in X's developer portal, then make a new access token"
        )  # fmt: skip
    if lacking:
        return missing(
            name, "permissions", f"the token lacks {', '.join(sorted(lacking))}", f"{mend}: then {_add(name)}"
        )
    return ok(name, "permissions", "the token may read, write and send direct messages")


def check_webhook(caller: Caller, x: X, credentials: Credentials, name: str, expected: str | None) -> list[Finding]:
    """Whether a webhook is registered, valid and subscribed; `expected` is the address that it was registered with.

    Raises CallFailed.
    """
    register_it = f"`rejoinder accounts add {name} --webhook URL`"
    try:
        known = webhooks(caller, app_auth(caller, x))
    except Rejected as error:
        return [missing(name, "webhook", "the app's webhooks could not be looked at", str(error))]
    found = next((each for each in known if each.url == expected), None) or (
        known[0] if known and not expected else None
    )
    if found is None:
        says = "no webhook is registered" if expected is None else f"{expected} is not registered any more"
        return [missing(name, "webhook", says, register_it)]
    if not found.valid:
        return [missing(name, "webhook", f"X finds {found.url} not valid: {_REACHABLE}", register_it)]
    told = ok(name, "webhook", f"{found.url} is registered and valid")
    if not is_subscribed(caller, credentials, found):
        return [told, missing(name, "subscription", "the account is not subscribed to it", register_it)]
    return [told, ok(name, "subscription", "the account is subscribed to it")]


def check_end(name: str, kept: Kept | None, x: X) -> Finding:
    """Whether the token goes on for ever."""
    if not isinstance(kept, XToken):
        return ok(name, "token", "does not end")
    if kept.refresh_token is None:
        return missing(
            name, "token", "ends within two hours, and came without a refresh token",
            f"let the account authorise the app with offline.access: then {_add(name)}",
        )  # fmt: skip
    if x.client_id is None:
        return missing(
            name, "token", "can't be renewed", "set x.client_id, and x.client_secret if the app is confidential"
        )
    return ok(name, "token", "is renewed by itself")


def is_bearer(credentials: Credentials) -> bool:
    """Whether it is an OAuth 2.0 token, which ends."""
    return isinstance(credentials, BearerToken)


_REACHABLE: Final = (
    "it has to answer X's challenge over HTTPS, without a port in its address, and with x.consumer_secret set for the "
    "web program"
)


def _webhook(row: dict[str, Any]) -> Webhook | None:
    number, url = text_of(row, "id"), text_of(row, "url")
    return None if number is None or url is None else Webhook(number, url, row.get("valid") is True)


def _subscriptions(webhook: Webhook) -> str:
    return f"/2/account_activity/webhooks/{webhook.id}/subscriptions/all"


def _refused(answer: Answer, what: str) -> str:
    return f"X {what} (HTTP {answer.status})"


def _add(name: str) -> str:
    return f"`rejoinder accounts add {kept_name(*name.split(':', 1))}`"
