"""Checking accounts: whether all is there that their posts, answers and webhooks need."""

import httpx

from engine.errors import RejoinderError
from rejoinder.accounts import Accounts, kept_name
from rejoinder.connecting import meta, x
from rejoinder.connecting.calls import Caller, CallFailed, Rejected
from rejoinder.connecting.credentials import PageCredentials, XCredentials
from rejoinder.connecting.findings import Finding, missing, ok
from rejoinder.connecting.renewing import is_due, renew
from rejoinder.sections import SettingsError
from rejoinder.settings import Settings


def check(
    settings: Settings,
    accounts: Accounts,
    channel: str,
    account: str,
    now: int,
    transport: httpx.BaseTransport | None = None,
) -> list[Finding]:
    """What is found of one account. `now` in milliseconds. Raises AccountsError."""
    name = kept_name(channel, account)
    checks = _check_x if channel == "x" else _check_page
    try:
        return checks(settings, accounts, account, now, transport)
    except (CallFailed, SettingsError) as error:
        return [missing(name, "token", "could not be checked", str(error))]


def _check_x(
    settings: Settings, accounts: Accounts, account: str, now: int, transport: httpx.BaseTransport | None
) -> list[Finding]:
    name = kept_name("x", account)
    with Caller("X", settings.x.address, settings.x.call_timeout, transport) as caller:
        kept = accounts.find("x", account)
        if kept is not None and is_due(kept, now):
            try:
                renew(accounts, settings.x, account, kept.access_token, caller, lambda: now)
            except RejoinderError as error:
                return [missing(name, "token", "ends, and could not be renewed", str(error))]
            kept = accounts.find("x", account)
        shown = XCredentials(accounts, settings.x)(account)
        if shown is None:
            mend = f"`rejoinder accounts add {name}`" if kept is None else "set x.consumer_key and x.consumer_secret"
            return [missing(name, "credentials", "there are none", mend)]
        try:
            found = x.who(caller, shown, name)
        except Rejected as error:
            return [missing(name, "credentials", "are not valid", str(error))]
        if found.id != account:
            mend = f"`rejoinder accounts add {name}` with a token of this account"
            return [missing(name, "credentials", f"act for the account {found.id}, @{found.handle}", mend)]
        return [
            ok(name, "credentials", f"act for @{found.handle}"),
            x.check_permissions(name, kept, found),
            x.check_end(name, kept, settings.x),
            *x.check_webhook(caller, settings.x, shown, name, kept.webhook if kept else None),
        ]


def _check_page(
    settings: Settings, accounts: Accounts, page: str, now: int, transport: httpx.BaseTransport | None
) -> list[Finding]:
    name = kept_name("facebook", page)
    kept = accounts.find("facebook", page)
    token = PageCredentials(accounts, settings.meta)(page)
    if token is None:
        return [missing(name, "credentials", "there are none", f"`rejoinder accounts add {name}`")]
    app = meta.app_of(settings.meta)
    with Caller("Meta", settings.meta.address, settings.meta.call_timeout, transport) as caller:
        return [
            ok(name, "credentials", "are there, for Facebook and Messenger"),
            *meta.check_token(caller, app, page, token, now // 1000),
            *meta.check_webhook(caller, app, page, token, kept.webhook if kept else None),
        ]
