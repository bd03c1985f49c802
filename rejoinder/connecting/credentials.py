"""The credentials of the accounts for a program that runs on: the latest of the file, renewed as they need it."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Final

import httpx
import structlog

from channels.simulator.meta_credentials import page_token
from channels.simulator.x_credentials import user_context
from channels.x.client import BearerToken, Credentials, UserContext
from engine.errors import RejoinderError
from rejoinder.accounts import Accounts, Kept, PageToken, XToken, XUser, kept_name
from rejoinder.cluster import wall_clock
from rejoinder.connecting.calls import Caller, Rejected
from rejoinder.connecting.renewing import is_due, renew
from rejoinder.sections import Meta, X

PAUSE: Final = 60_000
"""After a renewal that failed none is tried for so long, unless X does not know the token, in milliseconds."""


class XCredentials:
    """Those of X's accounts."""

    def __init__(
        self,
        accounts: Accounts,
        x: X,
        now: Callable[[], int] = wall_clock,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._accounts = accounts
        self._x = x
        self._now = now
        self._transport = transport
        self._last: dict[str, Credentials] = {}
        self._failed: dict[str, tuple[str, int]] = {}
        self._log = structlog.get_logger()

    def __call__(self, account: str) -> Credentials | None:
        """An account's credentials, or None. A file that can't be read now is logged, and what was known holds."""
        if self._x.simulated:
            return user_context(_secret(self._x), account)
        try:
            found = credentials(self._x, self._accounts.find("x", account))
        except RejoinderError as error:
            self._log.error("the accounts' tokens can't be read", reason=str(error))
            return self._last.get(account)
        if found is None:
            self._last.pop(account, None)
        else:
            self._last[account] = found
        return found

    async def refresh(self, account: str) -> None:
        """X did not know the token that was given out last: gets another, unless somebody else did meanwhile.

        Raises Rejected if X never will renew it, httpx.TransportError if it can't be renewed now.
        """
        last = self._last.get(account)
        if not isinstance(last, BearerToken):
            return
        error = await self._renewed(account, last.token)
        if isinstance(error, Rejected):
            raise error
        if error is not None:
            raise httpx.TransportError(str(error)) from error

    async def refresh_due(self, accounts: Iterable[str]) -> None:
        """Renews what ends soon. Never raises: a token that could not be renewed may still hold."""
        for account in sorted(set(accounts)):
            try:
                kept = None if self._x.simulated else self._accounts.find("x", account)
            except RejoinderError:
                continue  # told by __call__, whoever needs it
            if isinstance(kept, XToken) and is_due(kept, self._now()) and not self._paused(account, kept.access_token):
                await self._renewed(account, kept.access_token)

    async def _renewed(self, account: str, seen: str) -> RejoinderError | None:
        """Renews a token in a thread of its own: an event loop that is stopped must not lose what X answers."""
        return await asyncio.to_thread(self._renew, account, seen)

    def _paused(self, account: str, token: str) -> bool:
        failed, at = self._failed.get(account, ("", 0))
        return failed == token and self._now() - at < PAUSE

    def _renew(self, account: str, seen: str) -> RejoinderError | None:
        try:
            with Caller("X", self._x.address, self._x.call_timeout, self._transport) as caller:
                if renew(self._accounts, self._x, account, seen, caller, self._now):
                    self._log.info("token renewed", account=kept_name("x", account))
        except RejoinderError as error:
            self._failed[account] = (seen, self._now())
            self._log.error("token not renewed", account=kept_name("x", account), reason=str(error))
            return error
        self._failed.pop(account, None)
        return None


def credentials(x: X, kept: Kept | None) -> Credentials | None:
    """What the client of X needs, from what is kept; None if that or the app's key and secret are not there."""
    match kept:
        case XToken():
            return BearerToken(kept.access_token)
        case XUser() if x.consumer_key is not None and x.consumer_secret is not None:
            return UserContext(x.consumer_key, _secret(x), kept.access_token, kept.token_secret)
    return None


def _secret(x: X) -> str:
    return "" if x.consumer_secret is None else x.consumer_secret.get_secret_value()


class PageCredentials:
    """The tokens of Pages."""

    def __init__(self, accounts: Accounts, meta: Meta) -> None:
        self._accounts = accounts
        self._meta = meta
        self._last: dict[str, str] = {}
        self._log = structlog.get_logger()

    def __call__(self, page: str) -> str | None:
        """A Page's token, or None. A file that can't be read now is logged, and what was known holds."""
        if self._meta.simulated:
            secret = self._meta.app_secret
            return page_token("" if secret is None else secret.get_secret_value(), page)
        try:
            kept = self._accounts.find("facebook", page)
        except RejoinderError as error:
            self._log.error("the accounts' tokens can't be read", reason=str(error))
            return self._last.get(page)
        if not isinstance(kept, PageToken):
            self._last.pop(page, None)
            return None
        self._last[page] = kept.access_token
        return kept.access_token
