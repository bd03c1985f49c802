"""Adding an account: its token is checked, kept, and its webhook registered. Doing it again changes nothing."""

from urllib.parse import urlsplit

import httpx
import msgspec

from engine.errors import RejoinderError
from rejoinder.accounts import Accounts, Kept, PageToken, kept_name
from rejoinder.connecting import meta, x
from rejoinder.connecting.calls import Caller, Rejected
from rejoinder.connecting.credentials import XCredentials, credentials
from rejoinder.connecting.findings import Finding, ok
from rejoinder.sections import SettingsError
from rejoinder.settings import Settings


class BadAddress(RejoinderError):
    """The address of a webhook can't be registered."""

    exit_code = 2


def check_address(url: str, channel: str, simulated: bool) -> str:
    """The address of a webhook, if platforms take such. Raises BadAddress."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise BadAddress(f"--webhook is {url!r}, which is no address") from None
    here = simulated and parts.scheme == "http" and parts.hostname in ("127.0.0.1", "localhost", "::1")
    if not here and (parts.scheme != "https" or not parts.hostname):
        raise BadAddress(f"--webhook is {url!r}: it has to be the public address, beginning with https://")
    if not here and channel == "x" and port is not None:
        raise BadAddress(f"--webhook is {url!r}: X takes no address with a port")
    if parts.username or parts.query or parts.fragment or not parts.path.strip("/"):
        raise BadAddress(
            f"--webhook is {url!r}: give scheme, host and path, as https://care.example/webhooks/{channel}"
        )
    return url


def add_x(
    settings: Settings,
    accounts: Accounts,
    account: str,
    given: Kept | None,
    webhook: str | None,
    transport: httpx.BaseTransport | None = None,
) -> list[Finding]:
    """Adds an account on X; `given` is None for the simulator's, which need no token.

    Raises Rejected, CallFailed, AccountsError, SettingsError.
    """
    name = kept_name("x", account)
    kept = given and (_known(accounts, name, given.given) or given)
    shown = XCredentials(accounts, settings.x)(account) if kept is None else credentials(settings.x, kept)
    if shown is None:
        raise SettingsError(f"the token of {name} is used together with x.consumer_key and x.consumer_secret: set them")
    with Caller("X", settings.x.address, settings.x.call_timeout, transport) as caller:
        found = x.who(caller, shown, name)
        if found.id != account:
            raise Rejected(f"the token acts for the account {found.id} (@{found.handle}), and not for {account}")
        findings = [
            _keep(accounts, name, kept, webhook, f"@{found.handle}"),
            x.check_permissions(name, kept, found),
            x.check_end(name, kept, settings.x),
        ]
        if webhook is not None:
            registered, done = x.register(caller, x.app_auth(caller, settings.x), webhook)
            findings.append(ok(name, "webhook", f"{registered.url} {done}"))
            findings.append(ok(name, "subscription", f"@{found.handle} {x.subscribe(caller, shown, registered, name)}"))
    return findings


def add_page(
    settings: Settings,
    accounts: Accounts,
    page: str,
    given: PageToken,
    webhook: str | None,
    now: int,
    transport: httpx.BaseTransport | None = None,
) -> list[Finding]:
    """Adds a Page, for Facebook and Messenger. `now` in milliseconds.

    Raises Rejected, CallFailed, AccountsError, SettingsError.
    """
    name = kept_name("facebook", page)
    app = meta.app_of(settings.meta)
    if webhook is not None and settings.meta.verify_token is None:
        raise SettingsError("registering a webhook needs meta.verify_token: any text that you make up, kept secret")
    known = _known(accounts, name, given.given)
    with Caller("Meta", settings.meta.address, settings.meta.call_timeout, transport) as caller:
        if isinstance(known, PageToken):  # lasting already; whether it still holds is looked at below
            lasting, title = known, f"the Page {page}"
        else:
            lasting, title = meta.page_token(caller, app, page, given)
        token = lasting.access_token
        findings = [
            _keep(accounts, name, None if settings.meta.simulated else lasting, webhook, title),
            *meta.check_token(caller, app, page, token, now // 1000),
        ]
        if webhook is not None and settings.meta.verify_token is not None:
            verify = settings.meta.verify_token.get_secret_value()
            findings.append(ok(name, "webhook", f"{webhook} {meta.register(caller, app, webhook, verify)}"))
            findings.append(ok(name, "subscription", f"{title} {meta.subscribe(caller, app, page, token)}"))
    return findings


def _known(accounts: Accounts, name: str, given: str) -> Kept | None:
    """What is kept already, if the same was given before: it may have been renewed since, and the given one not."""
    known = accounts.all().get(name)
    return known if known is not None and known.given == given else None


def _keep(accounts: Accounts, name: str, kept: Kept | None, webhook: str | None, title: str) -> Finding:
    """Keeps what was added, unless a program renewed it meanwhile."""
    if kept is None:
        return ok(name, "credentials", f"the simulator makes those of {title}")
    with accounts.locked():
        known = accounts.all().get(name)
        latest = known if known is not None and known.given == kept.given else kept
        wanted = msgspec.structs.replace(latest, webhook=webhook or (known.webhook if known else None))
        if wanted == known:
            return ok(name, "credentials", f"those of {title} are kept already")
        accounts.put(name, wanted)
    return ok(name, "credentials", f"those of {title} are kept in {accounts.file}")
