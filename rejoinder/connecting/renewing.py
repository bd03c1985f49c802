"""Renewing X's OAuth 2.0 tokens: before they end, and when X no longer knows one.

X takes a refresh token once and answers with the next; who loses that one has to ask a person. So one process at a
time renews an account, it sees first that the file can be written, and nobody uses the new token before it is kept.
"""

from collections.abc import Callable
from typing import Final

import httpx

from rejoinder.accounts import Accounts, Kept, XToken, kept_name
from rejoinder.connecting.calls import Answer, Caller, CallFailed, Rejected
from rejoinder.sections import X

TOKEN_PATH: Final = "/2/oauth2/token"
MARGIN: Final = 5 * 60_000
"""A token is renewed so long before it ends, in milliseconds."""
LONGEST: Final = 400 * 24 * 3600
"""The longest life of a token that is believed, in seconds."""


def is_due(kept: Kept, now: int) -> bool:
    """Whether a token ends soon, and can be renewed."""
    return (
        isinstance(kept, XToken)
        and kept.refresh_token is not None
        and kept.expires_at is not None
        and kept.expires_at - MARGIN <= now
    )


def renew(accounts: Accounts, x: X, account: str, seen: str, caller: Caller, now: Callable[[], int]) -> bool:
    """Renews the token of an account, unless it is another than the one `seen`: then somebody was faster.

    Gives whether it was done here.

    Raises:
        Rejected: X does not renew it, or there is nothing to renew it with.
        CallFailed: X did not answer. It may have taken the refresh token all the same.
        AccountsError: the file can't be read or written.
    """
    name = kept_name("x", account)
    with accounts.locked():
        kept = accounts.find("x", account)
        if not isinstance(kept, XToken) or kept.access_token != seen:
            return False
        if kept.refresh_token is None:
            raise Rejected(f"the token of {name} has ended and came without a refresh token: {_again(name)}")
        if x.client_id is None:
            raise Rejected(f"the token of {name} has ended: set x.client_id, and x.client_secret if the app has one")
        accounts.rewrite()  # a full disk shows here, while the old token still holds
        answer = caller.call("POST", TOKEN_PATH, _client(x), form=_form(x, kept.refresh_token))
        renewed = _renewed(answer, kept, name, now())
        accounts.put(name, renewed)
    return True


def _client(x: X) -> httpx.Auth | None:
    """A confidential client proves itself; a public one only says who it is, in the form."""
    if x.client_id is None or x.client_secret is None:
        return None
    return httpx.BasicAuth(x.client_id, x.client_secret.get_secret_value())


def _form(x: X, refresh_token: str) -> dict[str, str]:
    form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
    if x.client_secret is None and x.client_id is not None:
        form["client_id"] = x.client_id
    return form


def _renewed(answer: Answer, kept: XToken, name: str, now: int) -> XToken:
    token = answer.text("access_token")
    if answer.good and token:
        scopes = answer.text("scope")
        return XToken(
            given=kept.given,
            webhook=kept.webhook,
            access_token=token,
            refresh_token=answer.text("refresh_token") or kept.refresh_token,
            expires_at=ends_at(answer.body.get("expires_in"), now),
            scopes=tuple(scopes.split()) if scopes else kept.scopes,
        )
    if answer.status in (400, 401, 403):
        raise Rejected(f"X does not renew the token of {name} (HTTP {answer.status}): {_again(name)}")
    raise CallFailed(f"X did not renew the token of {name} (HTTP {answer.status}): it is tried again")


def ends_at(seconds: object, now: int) -> int | None:
    """When a token ends that lasts so many seconds; None if nobody said."""
    if isinstance(seconds, int | float) and not isinstance(seconds, bool) and 0 <= seconds <= LONGEST:
        return now + int(seconds * 1000)
    return None


def _again(name: str) -> str:
    return f"let the account authorise the app again, and give the new token with `rejoinder accounts add {name}`"
