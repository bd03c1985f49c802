"""`rejoinder accounts` over real HTTP: against the simulated platforms, which challenge our own webhook endpoints."""

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from typer.testing import CliRunner

from channels.meta.webhook import Webhook as MetaWebhook
from channels.simulator.meta_credentials import APP_ID, page_token
from channels.simulator.x_credentials import CONSUMER_KEY, bearer_token, user_context
from channels.webhook import application
from channels.x.webhook import Webhook as XWebhook
from engine.errors import RejoinderError
from rejoinder.accounts import Accounts, XToken, digest
from rejoinder.cli import app
from rejoinder.settings import variable_of
from tests.ended import Ended
from tests.processing import ROOT, eventually
from tests.x_samples import Kept

X_SECRET, META_SECRET, VERIFY = "the secret of X's app", "the secret of Meta's app", "the verify token"
ACCOUNT, PAGE = "42", "777"


class Checked(Ended):
    """How a command of `accounts` ended."""

    def states(self) -> dict[str, str]:
        """What was found, by what was looked at."""
        return {each["what"]: each["state"] for each in self.lines}


@dataclass
class Place:
    """The simulator, our endpoints, and a folder with tokens."""

    simulator: str
    endpoints: str
    folder: Path
    x: XWebhook = field(repr=False)
    meta: MetaWebhook = field(repr=False)

    def call(self, *arguments: str, given: str | None = None, **settings: str) -> Checked:
        """Runs a command. Options are settings, with __ for the dot."""
        environment = {
            "data": str(self.folder), "x.api": self.simulator, "x.consumer_key": CONSUMER_KEY,
            "x.consumer_secret": X_SECRET, "x.call_timeout": "10", "meta.api": f"{self.simulator}/graph/v26.0",
            "meta.app_id": APP_ID, "meta.app_secret": META_SECRET, "meta.verify_token": VERIFY,
            **{name.replace("__", "."): value for name, value in settings.items()},
        }  # fmt: skip
        variables = {variable_of(name): value for name, value in environment.items() if value}
        result = CliRunner(env=variables).invoke(app, ["accounts", *arguments], input=given)
        shown = f"{result.output}{result.exception!r}"
        for secret in (X_SECRET, META_SECRET, VERIFY, page_token(META_SECRET, PAGE)):
            assert secret not in shown
        assert user_context(X_SECRET, ACCOUNT).token_secret not in shown
        if isinstance(result.exception, RejoinderError):
            return Checked(result.exception.exit_code, result.stdout, str(result.exception))
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return Checked(result.exit_code, result.stdout, result.stderr)

    def switch(self, **settings: object) -> None:
        """Has the platforms do otherwise."""
        answer = httpx.put(f"{self.simulator}/_simulator/settings", json=settings, trust_env=False)
        assert answer.status_code == 200, answer.text

    @property
    def kept(self) -> dict[str, Any]:
        return dict(Accounts(self.folder / "secrets" / "accounts.json").all())


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the simulated platforms."""
    folder = tmp_path_factory.mktemp("simulator")
    options: list[str | Path] = []
    for option, secret in (
        ("--secret-file", X_SECRET), ("--meta-secret-file", META_SECRET), ("--meta-verify-token-file", VERIFY)
    ):  # fmt: skip
        (folder / option).write_text(secret)
        options += [option, folder / option]
    ready = folder / "port"
    command = [sys.executable, "-m", "channels.simulator", "--ready-file", ready, *options]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    try:
        eventually("the simulator listens", ready.exists, 30)
        yield f"http://127.0.0.1:{ready.read_text().strip()}"
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture
def place(simulator: str, tmp_path: Path) -> Iterator[Place]:
    inbox = Kept()
    x = XWebhook(X_SECRET, frozenset, lambda person: person, inbox)
    meta = MetaWebhook(META_SECRET, VERIFY, frozenset, lambda channel, person: person, inbox)
    served = application([*x.routes(), *meta.routes()], [x.counts, meta.counts])
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(served, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, args=([listening],))
    thread.start()
    eventually("the endpoints listen", lambda: server.started, 30)
    try:
        there = Place(simulator, f"http://127.0.0.1:{listening.getsockname()[1]}", tmp_path, x, meta)
        _unregister(there)
        yield there
    finally:
        server.should_exit = True
        thread.join(30)
        listening.close()


def x_token() -> str:
    context = user_context(X_SECRET, ACCOUNT)
    return json.dumps({"access_token": context.access_token, "access_token_secret": context.token_secret})


def add_x(place: Place, *more: str, **settings: str) -> Checked:
    return place.call("add", f"x:{ACCOUNT}", "--token-file", "-", "--json", *more, given=x_token(), **settings)


def add_page(place: Place, *more: str, **settings: str) -> Checked:
    token = page_token(META_SECRET, PAGE)
    return place.call("add", f"facebook:{PAGE}", "--token-file", "-", "--json", *more, given=token, **settings)


def simulated(place: Place) -> tuple[str, dict[str, str]]:
    """An address that may be without TLS, because the platforms are simulated, and the settings that say so."""
    return place.endpoints, {"x__simulated": "true", "meta__simulated": "true"}


def test_an_account_on_x_is_added_its_webhook_registered_and_all_is_found_in_order(place: Place) -> None:
    added = add_x(place)
    assert added.code == 0, added.err
    assert added.states() == {"credentials": "ok", "permissions": "ok", "token": "ok"}
    assert place.kept["x:42"].webhook is None
    checked = place.call("check", "x:42", "--json")
    assert (checked.code, checked.states()["webhook"]) == (1, "missing")
    (mend,) = [each["mend"] for each in checked.lines if each["what"] == "webhook"]
    assert "rejoinder accounts add x:42 --webhook" in mend

    webhook, settings = simulated(place)
    url = f"{webhook}/webhooks/x"
    registered = place.call("add", "x:42", "--webhook", url, "--json", **settings)
    assert registered.code == 0, registered.err
    assert place.x.counts.challenges == 1
    again = place.call("add", "x:42", "--webhook", url, "--json", **settings)
    assert [each["says"] for each in again.lines if each["what"] in ("webhook", "subscription")] == [
        f"{url} is registered already, and valid", "@42 is subscribed already"
    ]  # fmt: skip
    assert place.x.counts.challenges == 1

    whole = place.call("check", "x:42", "--json")
    assert whole.code == 0
    assert set(whole.states().values()) == {"ok"}


def test_adding_the_same_again_changes_nothing(place: Place) -> None:
    add_x(place)
    before = (place.folder / "secrets" / "accounts.json").stat()
    again = add_x(place)
    assert again.code == 0
    assert "are kept already" in again.lines[0]["says"]
    assert (place.folder / "secrets" / "accounts.json").stat().st_mtime_ns == before.st_mtime_ns


def test_a_webhook_that_is_not_valid_any_more_is_told_and_mended(place: Place) -> None:
    webhook, settings = simulated(place)
    url = f"{webhook}/webhooks/x"
    place.call("add", "x:42", "--webhook", url, **settings)
    with httpx.Client(base_url=place.simulator, headers=_bearer(_app_token(place)), trust_env=False) as http:
        (made,) = [each for each in http.get("/2/webhooks").json()["data"] if each["url"] == url]
        object.__setattr__(place.x, "consumer_secret", "another")
        assert http.put(f"/2/webhooks/{made['id']}").status_code == 400
    refused = place.call("add", "x:42", "--webhook", url, **settings)
    assert refused.code == 1
    assert "not valid" in refused.err
    object.__setattr__(place.x, "consumer_secret", X_SECRET)
    mended = place.call("add", "x:42", "--webhook", url, "--json", **settings)
    assert f"{url} was not valid any more, and is again" in [each["says"] for each in mended.lines]


def test_missing_permissions_on_x_are_named(place: Place) -> None:
    place.switch(access_level="read")
    try:
        added = add_x(place)
        checked = place.call("check", "x:42", "--json")
    finally:
        place.switch(access_level="read-write-directmessages")
    assert added.states()["permissions"] == checked.states()["permissions"] == "missing"
    assert checked.code == 1
    assert "the token lacks directmessages, write" in [each["says"] for each in checked.lines]


def test_an_oauth_2_token_is_kept_with_its_scopes(place: Place) -> None:
    answer = {
        "access_token": bearer_token(X_SECRET, ACCOUNT).token, "refresh_token": "r", "expires_in": 7200,
        "scope": "tweet.read tweet.write users.read",
    }  # fmt: skip
    file = place.folder / "token.json"
    file.write_text(json.dumps(answer))
    added = place.call("add", "x:42", "--token-file", str(file), "--json", x__client_id="client")
    assert added.code == 0, added.err
    assert added.states() == {"credentials": "ok", "permissions": "missing", "token": "ok"}
    assert "the token lacks dm.read, dm.write, like.write, offline.access, tweet.moderate.write" in [
        each["says"] for each in added.lines
    ]
    assert place.call("check", "x:42", "--json").states()["token"] == "missing"  # without x.client_id


def test_an_old_token_given_again_does_not_replace_what_it_was_renewed_to(place: Place) -> None:
    renewed = XToken(
        given=digest("old"), access_token=bearer_token(X_SECRET, ACCOUNT).token, refresh_token="new", expires_at=10**15
    )
    accounts = Accounts(place.folder / "secrets" / "accounts.json")
    with accounts.locked():
        accounts.put("x:42", renewed)
    given = json.dumps({"access_token": "old", "refresh_token": "used", "expires_in": 7200})
    added = place.call("add", "x:42", "--token-file", "-", "--json", given=given, x__client_id="client")
    assert added.code == 0, added.err
    assert "are kept already" in added.lines[0]["says"]
    assert place.kept == {"x:42": renewed}


def test_a_token_of_another_account_is_refused_and_not_kept(place: Place) -> None:
    refused = place.call("add", "x:43", "--token-file", "-", given=x_token())
    assert refused.code == 1
    assert "the token acts for the account 42 (@42), and not for 43" in refused.err
    other = place.call("add", "facebook:778", "--token-file", "-", given=page_token(META_SECRET, PAGE))
    assert other.code == 1
    assert "the Page 778" in other.err
    assert place.kept == {}


def test_a_token_that_the_platform_does_not_know_is_refused_and_not_kept(place: Place) -> None:
    assert place.call("add", "x:42", "--token-file", "-", given="hunter2 hunter2").code == 1
    refused = place.call("add", "facebook:777", "--token-file", "-", given="hunter2")
    assert (refused.code, "hunter2" in refused.err) == (1, False)
    assert "not valid" in refused.err
    assert place.kept == {}


def test_a_page_is_added_for_facebook_and_messenger_and_its_webhook_registered(place: Place) -> None:
    assert add_page(place).states() == {"credentials": "ok", "permissions": "ok", "token": "ok"}
    checked = place.call("check", "messenger:777", "--json")
    assert checked.code == 1
    assert checked.states()["subscription"] == "missing"

    webhook, settings = simulated(place)
    url = f"{webhook}/webhooks/meta"
    registered = place.call("add", "facebook:777", "--webhook", url, "--json", **settings)
    assert registered.code == 0, registered.err
    assert place.meta.counts.challenges == 1
    again = place.call("add", "messenger:777", "--webhook", url, "--json", **settings)
    assert [each["says"] for each in again.lines if each["what"] in ("webhook", "subscription")] == [
        f"{url} is registered already", "the Page 777 is subscribed already"
    ]  # fmt: skip
    assert place.meta.counts.challenges == 1

    whole = place.call("check", "facebook:777", "--json")
    assert (whole.code, set(whole.states().values())) == (0, {"ok"})


def test_missing_permissions_of_a_page_are_named(place: Place) -> None:
    add_page(place)
    place.switch(scopes=["pages_messaging", "pages_manage_metadata"])
    try:
        checked = place.call("check", "facebook:777", "--json")
    finally:
        place.switch(scopes=[
            "pages_manage_metadata", "pages_read_engagement", "pages_read_user_content", "pages_manage_engagement",
            "pages_messaging",
        ])  # fmt: skip
    assert checked.code == 1
    assert "the token lacks pages_manage_engagement, pages_read_engagement, pages_read_user_content" in [
        each["says"] for each in checked.lines
    ]


def test_a_webhook_that_does_not_answer_rightly_is_not_registered(place: Place) -> None:
    _, settings = simulated(place)
    refused = place.call("add", "x:42", "--webhook", f"{place.endpoints}/webhooks/nowhere", **settings)
    assert refused.code == 1
    assert "does not take the webhook" in refused.err
    wrong = place.call(
        "add", "facebook:777", "--webhook", f"{place.endpoints}/webhooks/meta", meta__verify_token="other", **settings
    )
    assert wrong.code == 1
    assert "meta.verify_token" in wrong.err


@pytest.mark.parametrize(
    ("url", "named"),
    [
        ("http://care.example/webhooks/x", "https"),
        ("https://care.example:8443/webhooks/x", "port"),
        ("https://care.example", "path"),
        ("https://user:hunter2@care.example/x", "path"),
        ("https://[care/x", "no address"),
    ],
)
def test_an_address_that_platforms_do_not_take_is_refused_before_anything_is_asked(
    place: Place, url: str, named: str
) -> None:
    refused = add_x(place, "--webhook", url)
    assert (refused.code, named in refused.err) == (2, True)
    assert place.kept == {}


@pytest.mark.parametrize(
    ("arguments", "settings", "named"),
    [
        (["x:42"], {"x__consumer_key": ""}, "x.consumer_key"),
        (["facebook:777"], {"meta__app_secret": ""}, "meta.app_secret"),
        (["facebook:777", "--webhook", "https://care.example/m"], {"meta__verify_token": ""}, "meta.verify_token"),
        (["facebook:777"], {"meta__app_secret": "another secret"}, "correct meta.app_id and meta.app_secret"),
    ],
)
def test_a_setting_that_is_missing_or_wrong_is_named(
    place: Place, arguments: list[str], settings: dict[str, str], named: str
) -> None:
    given = x_token() if arguments[0].startswith("x") else page_token(META_SECRET, PAGE)
    refused = place.call("add", *arguments, "--token-file", "-", given=given, **settings)
    assert refused.code in (1, 2)
    assert named in refused.err


def test_a_platform_that_does_not_answer_is_told_by_its_name(place: Place) -> None:
    add_x(place)
    nobody = "http://127.0.0.1:9"
    refused = place.call("check", "x:42", "--json", x__api=nobody)
    assert refused.code == 1
    assert f"X at {nobody} could not be asked (ConnectError)" in refused.lines[0]["mend"]


def test_accounts_are_listed_without_their_tokens_and_forgotten(place: Place) -> None:
    add_x(place)
    add_page(place)
    listed = place.call("list", "--json")
    assert [(each["account"], each["kind"]) for each in listed.lines] == [
        ("facebook:777", "Page token"), ("x:42", "OAuth 1.0a")
    ]  # fmt: skip
    assert place.call("list").out.startswith("account")
    assert place.call("remove", "messenger:777").code == 0
    assert place.call("remove", "facebook:777").code == 3
    assert list(place.kept) == ["x:42"]


def test_without_an_account_those_that_were_added_are_checked(place: Place) -> None:
    assert "no account" in place.call("check").err
    add_x(place)
    checked = place.call("check")
    assert checked.code == 1
    assert "x:42" in checked.out
    assert "To mend: " in checked.out


def test_without_a_terminal_nothing_is_asked(place: Place) -> None:
    assert "--token-file" in place.call("add", "x:42").err
    assert "can't be read" in place.call("add", "x:42", "--token-file", "/nonexistent").err
    assert place.call("add", "fax:42").code == 2


def _unregister(place: Place) -> None:
    """As if no test had been before."""
    with httpx.Client(base_url=place.simulator, headers=_bearer(_app_token(place)), trust_env=False) as http:
        for made in http.get("/2/webhooks").json()["data"]:
            assert http.delete(f"/2/webhooks/{made['id']}").status_code == 200
    with httpx.Client(base_url=f"{place.simulator}/graph/v26.0", trust_env=False) as http:
        app, page = f"{APP_ID}|{META_SECRET}", page_token(META_SECRET, PAGE)
        assert http.delete(f"/{APP_ID}/subscriptions", headers=_bearer(app)).status_code == 200
        assert http.delete(f"/{PAGE}/subscribed_apps", headers=_bearer(page)).status_code == 200


def _bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def _app_token(place: Place) -> str:
    answer = httpx.post(
        f"{place.simulator}/oauth2/token",
        auth=(CONSUMER_KEY, X_SECRET),
        data={"grant_type": "client_credentials"},
        trust_env=False,
    )
    return str(answer.json()["access_token"])
