"""The credentials that the simulated X gives out and checks: derived, so that client and server agree on them.

As on X, an OAuth 1.0a access token begins with the id of the account that it acts for.
"""

import base64
from collections.abc import Mapping
from typing import Final

from authlib.oauth1.rfc5849.errors import OAuth1Error
from authlib.oauth1.rfc5849.signature import (
    generate_signature_base_string,
    hmac_sha1_signature,
)
from authlib.oauth1.rfc5849.wrapper import OAuth1Request

from channels.simulator.deriving import derived, same
from channels.x.client import BearerToken, UserContext

CONSUMER_KEY: Final = "simulated-app"


def user_context(consumer_secret: str, account: str) -> UserContext:
    """The OAuth 1.0a credentials of an account."""
    return UserContext(CONSUMER_KEY, consumer_secret, f"{account}-simulated", derived(consumer_secret, account))


def bearer_token(consumer_secret: str, account: str) -> BearerToken:
    """The OAuth 2.0 token of an account."""
    return BearerToken(f"{account}-{derived(consumer_secret, 'bearer:' + account)}")


def app_token(consumer_secret: str) -> BearerToken:
    """The app's own OAuth 2.0 token, with which webhooks are registered."""
    return BearerToken(f"app-{derived(consumer_secret, 'app')}")


def is_app(consumer_secret: str, headers: Mapping[str, str]) -> bool:
    """Whether a request is made by the app itself, for no account."""
    return same(headers.get("authorization", ""), f"Bearer {app_token(consumer_secret).token}")


def is_key_and_secret(consumer_secret: str, headers: Mapping[str, str]) -> bool:
    """Whether a request carries the app's key and secret; any key will do."""
    scheme, _, value = headers.get("authorization", "").partition(" ")
    try:
        _, colon, secret = base64.b64decode(value, validate=True).decode().partition(":")
    except ValueError:
        return False
    return scheme == "Basic" and colon == ":" and same(secret, consumer_secret)


def account_of(consumer_secret: str, method: str, url: str, headers: Mapping[str, str]) -> str | None:
    """The account that a request is made for, or None if it is not authorised."""
    scheme, _, value = headers.get("authorization", "").partition(" ")
    if scheme == "Bearer":
        account = value.partition("-")[0]
        return account if same(value, bearer_token(consumer_secret, account).token) else None
    if scheme != "OAuth":
        return None
    try:
        request = OAuth1Request(method, url, headers={"Authorization": headers["authorization"]})
        account = str(request.token or "").partition("-")[0]
        context = user_context(consumer_secret, account)
        base = generate_signature_base_string(request)
        signature = hmac_sha1_signature(base, context.consumer_secret, context.token_secret)
        known = request.client_id == CONSUMER_KEY and request.token == context.access_token
        return account if known and same(str(request.signature), signature) else None
    except (OAuth1Error, ValueError, TypeError, KeyError):
        return None
