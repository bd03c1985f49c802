"""A Facebook Page: for whom its token acts, what it may, until when, and its webhooks.

A webhook reaches us if the app is subscribed to the object `page` and the Page to the app, both with the field. A
token is never put into an address: where Meta's documentation does so, the call is a POST whose body says `method`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from channels.meta.signature import proof
from rejoinder.accounts import PageToken
from rejoinder.connecting.calls import Answer, Bearer, Caller, Rejected, text_of
from rejoinder.connecting.findings import Finding, missing, ok, warning
from rejoinder.sections import Meta, SettingsError

SCOPES: Final = frozenset({
    "pages_manage_engagement", "pages_manage_metadata", "pages_messaging", "pages_read_engagement",
    "pages_read_user_content",
})  # fmt: skip
"""To answer and hide comments, subscribe the Page, write in Messenger, and read what customers post."""
FIELDS: Final = (
    "feed", "messages", "message_echoes", "message_edits", "messaging_postbacks", "messaging_referrals",
)  # fmt: skip
"""The events that Rejoinder reads."""
SOON: Final = 14 * 24 * 3600
"""Seconds: an end that is so near is told."""


@dataclass(frozen=True)
class About:
    """What Meta tells of a token. Times are seconds since 1970; None: none."""

    valid: bool
    app_id: str | None
    scopes: frozenset[str]
    expires_at: int | None
    data_ends_at: int | None
    """Until when the person's consent to reading holds; the token itself may last longer."""


@dataclass(frozen=True)
class App:
    """The app that the tokens belong to."""

    id: str
    secret: str

    def __repr__(self) -> str:
        return f"App({self.id})"

    @property
    def auth(self) -> Bearer:
        """The app's own token."""
        return Bearer(f"{self.id}|{self.secret}")

    def proof(self, token: str) -> dict[str, str]:
        """What proves that who uses a token knows the app's secret."""
        return {"appsecret_proof": proof(self.secret, token)}


def app_of(meta: Meta) -> App:
    """The app of the settings. Raises SettingsError."""
    if meta.app_id is None or meta.app_secret is None:
        raise SettingsError("connecting a Page needs meta.app_id and meta.app_secret: see Meta's app dashboard")
    return App(meta.app_id, meta.app_secret.get_secret_value())


def about(caller: Caller, app: App, token: str) -> About:
    """What Meta tells of a token. Raises Rejected, CallFailed."""
    answer = caller.call("POST", "/debug_token", app.auth, form={"input_token": token, "method": "GET"})
    found = answer.part()
    if not answer.good or not found:
        raise Rejected(_refused(answer, "does not know the app: correct meta.app_id and meta.app_secret"))
    scopes = found.get("scopes")
    return About(
        found.get("is_valid") is True,
        text_of(found, "app_id"),
        frozenset(each for each in scopes if isinstance(each, str)) if isinstance(scopes, list) else frozenset(),
        _moment(found.get("expires_at")),
        _moment(found.get("data_access_expires_at")),
    )


def page_token(caller: Caller, app: App, page: str, given: PageToken) -> tuple[PageToken, str]:
    """The lasting token of a Page, from the given one: a Page's or a person's, lasting or not. Also the Page's name.

    Raises:
        Rejected: the token is not valid, of another app, or gives no access to the Page; CallFailed.
    """
    token = given.access_token
    found = about(caller, app, token)
    if not found.valid:
        raise Rejected(f"Meta finds the token of facebook:{page} not valid: make a new one")
    if found.app_id != app.id:
        raise Rejected(f"the token was made for the app {found.app_id}, and meta.app_id is {app.id}: make one for that")
    if found.expires_at is not None:
        token = _lasting(caller, app, token)
    me = caller.call("GET", "/me", Bearer(token), query={"fields": "id,name", **app.proof(token)})
    if not me.good:
        raise Rejected(_refused(me, "does not say for whom the token acts"))
    if me.text("id") != page:
        token, me = _of_page(caller, app, page, token)
    lasting = about(caller, app, token)
    ends = None if lasting.expires_at is None else lasting.expires_at * 1000
    return PageToken(given=given.given, access_token=token, expires_at=ends), me.text("name") or page


def _lasting(caller: Caller, app: App, token: str) -> str:
    """The long-lived token for one that ends soon; Page tokens made with one don't end."""
    answer = caller.call(
        "POST",
        "/oauth/access_token",
        form={
            "grant_type": "fb_exchange_token",
            "client_id": app.id,
            "client_secret": app.secret,
            "fb_exchange_token": token,
        },
    )
    found = answer.text("access_token")
    if not answer.good or found is None:
        raise Rejected(_refused(answer, "does not exchange the token for a lasting one: make a new one"))
    return found


def _of_page(caller: Caller, app: App, page: str, token: str) -> tuple[str, Answer]:
    """A Page's token, from that of a person who works on the Page."""
    answer = caller.call("GET", f"/{page}", Bearer(token), query={"fields": "id,name,access_token", **app.proof(token)})
    found = answer.text("access_token")
    if not answer.good or answer.text("id") != page or found is None:
        raise Rejected(
            _refused(answer, f"gives no access to the Page {page} with this token: make one as somebody who manages it")
        )
    return found, answer


def register(caller: Caller, app: App, url: str, verify_token: str) -> str:
    """Sees to it that the app is subscribed with our address and fields; says what was done.

    Raises Rejected, CallFailed.
    """
    known_url, fields, active = _app_subscription(caller, app)
    if known_url == url and active and fields >= set(FIELDS):
        return "is registered already"
    answer = caller.call(
        "POST",
        f"/{app.id}/subscriptions",
        app.auth,
        form={
            "object": "page",
            "callback_url": url,
            "verify_token": verify_token,
            "fields": ",".join(sorted(fields | set(FIELDS))),
        },
    )
    if not answer.good:
        raise Rejected(
            _refused(
                answer,
                f"does not take the webhook {url}: it has to answer Meta's question over HTTPS, with the same "
                "meta.verify_token set for the web program",
            )
        )
    return "is registered now" + (f", instead of {known_url}" if known_url and known_url != url else "")


def subscribe(caller: Caller, app: App, page: str, token: str) -> str:
    """Sees to it that the Page is subscribed to the app; says what was done. Raises Rejected, CallFailed."""
    fields = _page_subscription(caller, app, page, token) or frozenset()
    if fields >= set(FIELDS):
        return "is subscribed already"
    answer = caller.call(
        "POST",
        f"/{page}/subscribed_apps",
        Bearer(token),
        form={"subscribed_fields": ",".join(sorted(fields | set(FIELDS))), **app.proof(token)},
    )
    if not answer.good:
        raise Rejected(_refused(answer, f"does not subscribe the Page {page}: the token needs pages_manage_metadata"))
    return "is subscribed now"


def check_token(caller: Caller, app: App, page: str, token: str, now: int) -> list[Finding]:
    """Whether a Page's token is valid, may do what we do, and until when. `now` in seconds. Raises CallFailed."""
    name = f"facebook:{page}"
    again = f"make a new one and give it with `rejoinder accounts add {name}`"
    try:
        found = about(caller, app, token)
    except Rejected as error:
        return [missing(name, "token", "could not be looked at", str(error))]
    if not found.valid:
        return [missing(name, "token", "is not valid any more", again)]
    if found.app_id != app.id:
        return [missing(name, "token", f"belongs to the app {found.app_id}", f"{again}, made for the app {app.id}")]
    me = caller.call("GET", "/me", Bearer(token), query={"fields": "id,name", **app.proof(token)})
    if not me.good or me.text("id") != page:
        return [missing(name, "token", "acts for another than this Page", again)]
    findings = [_end(name, found, now, again)]
    lacking = SCOPES - found.scopes
    if lacking:
        findings.append(
            missing(
                name, "permissions", f"the token lacks {', '.join(sorted(lacking))}",
                f"grant them to the app (App Review, where others than its own people write): then {again}",
            )
        )  # fmt: skip
    else:
        findings.append(ok(name, "permissions", f"the token has {', '.join(sorted(SCOPES))}"))
    return findings


def check_webhook(caller: Caller, app: App, page: str, token: str, expected: str | None) -> list[Finding]:
    """Whether webhooks reach us; `expected` is the address that they were registered with. Raises CallFailed."""
    name = f"facebook:{page}"
    register_it = f"`rejoinder accounts add {name} --webhook URL`"
    findings = []
    try:
        url, fields, active = _app_subscription(caller, app)
    except Rejected as error:
        return [missing(name, "webhook", "the app's webhook could not be looked at", str(error))]
    if url is None or (expected is not None and url != expected):
        says = "no webhook is registered" if url is None else f"{url} is registered, and not {expected}"
        findings.append(missing(name, "webhook", says, register_it))
    elif not active:
        findings.append(missing(name, "webhook", f"{url} is registered, and Meta has switched it off", register_it))
    elif lacking := _lacking(fields):
        findings.append(missing(name, "webhook", f"{url} is registered without {lacking}", register_it))
    else:
        findings.append(ok(name, "webhook", f"{url} is registered"))
    try:
        subscribed = _page_subscription(caller, app, page, token)
    except Rejected as error:
        return [*findings, missing(name, "subscription", "could not be looked at", str(error))]
    if subscribed is None or (lacking := _lacking(subscribed)):
        says = "the Page is not subscribed" if subscribed is None else f"the Page is subscribed without {lacking}"
        findings.append(missing(name, "subscription", says, register_it))
    else:
        findings.append(ok(name, "subscription", "the Page is subscribed"))
    return findings


def _end(name: str, found: About, now: int, again: str) -> Finding:
    ends = min((each for each in (found.expires_at, found.data_ends_at) if each is not None), default=None)
    if ends is None:
        return ok(name, "token", "does not end")
    days = max(0, ends - now) // (24 * 3600)
    says = f"ends in {days} days" if found.expires_at == ends else f"holds; the consent behind it ends in {days} days"
    return warning(name, "token", says, again) if ends - now < SOON else ok(name, "token", says)


def _app_subscription(caller: Caller, app: App) -> tuple[str | None, frozenset[str], bool]:
    """Address, fields and whether it is active, of the app's webhook for Pages."""
    answer = caller.call("GET", f"/{app.id}/subscriptions", app.auth)
    if not answer.good:
        raise Rejected(_refused(answer, "does not tell the app's webhooks: correct meta.app_id and meta.app_secret"))
    for row in answer.rows():
        if row.get("object") == "page":
            return text_of(row, "callback_url"), _fields(row.get("fields")), row.get("active") is not False
    return None, frozenset(), False


def _page_subscription(caller: Caller, app: App, page: str, token: str) -> frozenset[str] | None:
    """The fields with which a Page is subscribed to the app; None: it is not."""
    answer = caller.call("GET", f"/{page}/subscribed_apps", Bearer(token), query=app.proof(token))
    if not answer.good:
        raise Rejected(_refused(answer, f"does not tell the subscriptions of the Page {page}"))
    for row in answer.rows():
        if text_of(row, "id") == app.id:
            return _fields(row.get("subscribed_fields"))
    return None


def _fields(found: object) -> frozenset[str]:
    """Names of fields: Meta writes them as texts, or as objects with a version."""
    if not isinstance(found, list):
        return frozenset()
    names = (text_of(each, "name") if isinstance(each, dict) else each for each in found)
    return frozenset(each for each in names if isinstance(each, str))


def _lacking(fields: Iterable[str]) -> str:
    return ", ".join(sorted(set(FIELDS) - set(fields)))


def _moment(found: object) -> int | None:
    """Seconds since 1970; 0 is Meta's never."""
    return found if isinstance(found, int) and not isinstance(found, bool) and found > 0 else None


def _refused(answer: Answer, what: str) -> str:
    """Meta's own words may quote the token: its numbers say enough."""
    error = answer.part("error")
    code, subcode = text_of(error, "code"), text_of(error, "error_subcode")
    numbers = f"HTTP {answer.status}" + (f", code {code}" if code else "") + (f"/{subcode}" if subcode else "")
    return f"Meta {what} ({numbers})"
