"""The credentials that the simulated Meta gives out and checks: derived, so that client and server agree on them."""

import hashlib
import hmac
from typing import Final

from channels.meta import signature
from channels.simulator.deriving import derived, same

APP_ID: Final = "100000000000007"
"""The simulated app. Any other id with the app's secret is taken for it too."""


def page_token(app_secret: str, page_id: str) -> str:
    """The access token of a page."""
    return f"{page_id}-{derived(app_secret, 'page:' + page_id)}"


def app_token(app_secret: str, app_id: str = APP_ID) -> str:
    """The app's own access token, made as Meta makes it."""
    return f"{app_id}|{app_secret}"


def page_of(app_secret: str, token: str) -> str | None:
    """The page whose token it is, or None."""
    page_id = token.partition("-")[0]
    is_page = page_id.isascii() and page_id.isdigit()
    return page_id if is_page and same(token, page_token(app_secret, page_id)) else None


def app_of(app_secret: str, token: str) -> str | None:
    """The app whose token it is, or None."""
    app_id, _, secret = token.partition("|")
    return app_id if app_id.isascii() and app_id.isdigit() and same(secret, app_secret) else None


def is_proof(app_secret: str, token: str, proof: str) -> bool:
    """Whether `proof` is the token's appsecret_proof."""
    return same(proof, signature.proof(app_secret, token))


def psid(app_secret: str, page_id: str, person: str) -> str:
    """The id by which Messenger knows a person towards one page. It tells nothing of the person's id on Facebook."""
    digest = hmac.new(app_secret.encode(), f"simulated psid {page_id} {person}".encode(), hashlib.sha256).digest()
    return str(5 * 10**15 + int.from_bytes(digest[:6], "big"))


def trace_id(text: str) -> str:
    """What Meta calls fbtrace_id."""
    return derived(text, "trace")[:11]
