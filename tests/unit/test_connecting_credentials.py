"""What a running program uses: the latest of the file, renewed when it is needed, and never a crash."""

import asyncio
import contextlib
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from channels.simulator.meta_credentials import page_token
from channels.simulator.x_credentials import user_context
from channels.x.client import BearerToken, UserContext
from rejoinder.accounts import Accounts, Kept, PageToken, XToken, XUser
from rejoinder.connecting.calls import Rejected
from rejoinder.connecting.credentials import PAUSE, PageCredentials, XCredentials
from rejoinder.sections import Meta, X
from tests.token_server import TokenServer

NOW = 1_800_000_000_000
APP = X(
    consumer_key="key",
    consumer_secret=SecretStr("secret"),
    client_id="client",
    client_secret=SecretStr("client-secret"),
)
TOKEN = XToken(given="g", access_token="access-0", refresh_token="refresh-0", expires_at=NOW + 10**9)


class Clock:
    """Moved by hand."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> int:
        return self.now


def put(accounts: Accounts, name: str, kept: Kept) -> None:
    with accounts.locked():
        accounts.put(name, kept)


@pytest.fixture
def accounts(tmp_path: Path) -> Accounts:
    return Accounts(tmp_path / "a.json")


def test_each_account_has_its_own_and_a_new_one_is_taken_without_a_restart(accounts: Accounts) -> None:
    known = XCredentials(accounts, APP)
    assert known("1") is None
    put(accounts, "x:1", XUser(given="g", access_token="a", token_secret="s"))
    put(accounts, "x:2", TOKEN)
    assert known("1") == UserContext("key", "secret", "a", "s")
    assert known("2") == BearerToken("access-0")
    put(accounts, "x:1", XUser(given="g", access_token="b", token_secret="t"))
    assert known("1") == UserContext("key", "secret", "b", "t")


def test_an_oauth_1_token_is_worth_nothing_without_the_app_s_key(accounts: Accounts) -> None:
    put(accounts, "x:1", XUser(given="g", access_token="a", token_secret="s"))
    assert XCredentials(accounts, X())("1") is None


def test_the_simulator_s_follow_from_the_app_s_secret(accounts: Accounts) -> None:
    secret = SecretStr("secret")
    assert XCredentials(accounts, X(simulated=True, consumer_secret=secret))("1") == user_context("secret", "1")
    assert PageCredentials(accounts, Meta(simulated=True, app_secret=secret))("7") == page_token("secret", "7")


def test_a_file_that_cannot_be_read_now_changes_nothing(accounts: Accounts) -> None:
    put(accounts, "x:1", TOKEN)
    put(accounts, "facebook:7", PageToken(given="g", access_token="p"))
    x, pages = XCredentials(accounts, APP), PageCredentials(accounts, Meta())
    assert (x("1"), pages("7")) == (BearerToken("access-0"), "p")
    accounts.file.chmod(0o644)
    assert (x("1"), pages("7")) == (BearerToken("access-0"), "p")
    assert (x("2"), pages("8")) == (None, None)
    accounts.file.chmod(0o600)
    with accounts.locked():
        accounts.remove("x:1")
        accounts.remove("facebook:7")
    assert (x("1"), pages("7")) == (None, None)


def test_a_token_that_x_does_not_know_is_renewed_and_the_new_one_given_out(accounts: Accounts) -> None:
    put(accounts, "x:1", TOKEN)
    server = TokenServer()
    known = XCredentials(accounts, APP, Clock(), server)
    assert known("1") == BearerToken("access-0")
    asyncio.run(known.refresh("1"))
    assert known("1") == BearerToken("access-1")
    assert server.calls == 1


def test_what_another_process_renewed_is_taken_and_not_renewed_again(accounts: Accounts) -> None:
    put(accounts, "x:1", TOKEN)
    server = TokenServer()
    one, other = (XCredentials(Accounts(accounts.file), APP, Clock(), server) for _ in range(2))
    assert one("1") == other("1") == BearerToken("access-0")
    asyncio.run(one.refresh("1"))
    asyncio.run(other.refresh("1"))
    assert other("1") == BearerToken("access-1")
    assert server.calls == 1


def test_a_refusal_to_renew_and_a_failure_to_are_told_apart(accounts: Accounts) -> None:
    put(accounts, "x:1", TOKEN)
    failing = XCredentials(accounts, APP, Clock(), TokenServer(failing=1))
    failing("1")
    with pytest.raises(httpx.HTTPError):
        asyncio.run(failing.refresh("1"))
    refusing = XCredentials(accounts, APP, Clock(), TokenServer(refresh_token="refresh-9"))
    refusing("1")
    with pytest.raises(Rejected):
        asyncio.run(refusing.refresh("1"))
    assert refusing("1") == BearerToken("access-0")


def test_an_oauth_1_token_is_never_renewed(accounts: Accounts) -> None:
    put(accounts, "x:1", XUser(given="g", access_token="a", token_secret="s"))
    server = TokenServer()
    known = XCredentials(accounts, APP, Clock(), server)
    known("1")
    asyncio.run(known.refresh("1"))
    asyncio.run(known.refresh_due(["1"]))
    assert server.calls == 0


def test_what_ends_soon_is_renewed_before_and_the_rest_is_left(accounts: Accounts) -> None:
    put(accounts, "x:1", XToken(given="g", access_token="access-0", refresh_token="refresh-0", expires_at=NOW + 1))
    put(accounts, "x:2", TOKEN)
    server = TokenServer()
    known = XCredentials(accounts, APP, Clock(), server)
    asyncio.run(known.refresh_due(["1", "2", "3", "1"]))
    assert (known("1"), known("2")) == (BearerToken("access-1"), BearerToken("access-0"))
    assert server.calls == 1


def test_a_renewal_that_failed_is_tried_again_after_a_pause(accounts: Accounts) -> None:
    put(accounts, "x:1", XToken(given="g", access_token="access-0", refresh_token="refresh-0", expires_at=NOW + 1))
    server, clock = TokenServer(failing=1), Clock()
    known = XCredentials(accounts, APP, clock, server)
    for _ in range(3):
        asyncio.run(known.refresh_due(["1"]))
    assert (server.calls, known("1")) == (1, BearerToken("access-0"))
    clock.now += PAUSE
    asyncio.run(known.refresh_due(["1"]))
    assert (server.calls, known("1")) == (2, BearerToken("access-1"))


def test_a_token_never_stands_in_a_log(accounts: Accounts, capsys: pytest.CaptureFixture[str]) -> None:
    put(accounts, "x:1", TOKEN)
    for server in (TokenServer(), TokenServer(failing=1), TokenServer(refresh_token="refresh-9")):
        known = XCredentials(accounts, APP, Clock(), server)
        known("1")
        with contextlib.suppress(httpx.HTTPError, Rejected):
            asyncio.run(known.refresh("1"))
    shown = "".join(capsys.readouterr())
    assert "token renewed" in shown and "token not renewed" in shown
    assert "access-" not in shown and "refresh-" not in shown and "secret" not in shown
