"""X's tokens are renewed by one process at a time, and no new one is ever lost or used before it is kept."""

import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from rejoinder import accounts as files
from rejoinder.accounts import Accounts, AccountsError, PageToken, XToken, XUser
from rejoinder.connecting.calls import Caller, CallFailed, Rejected
from rejoinder.connecting.renewing import MARGIN, ends_at, is_due, renew
from rejoinder.sections import X
from tests.token_server import TokenServer

NOW = 1_800_000_000_000
CONFIDENTIAL = X(client_id="client", client_secret=SecretStr("client-secret"))


def kept_in(folder: Path, **changes: str | None) -> Accounts:
    """A file with the first token of account 42."""
    accounts = Accounts(folder / "a.json")
    with accounts.locked():
        token = {"access_token": "access-0", "refresh_token": "refresh-0", **changes}
        accounts.put("x:42", XToken(given="g", webhook="https://w/x", expires_at=NOW, scopes=("old",), **token))  # type: ignore[arg-type]
    return accounts


def renewed(accounts: Accounts, server: TokenServer, seen: str, x: X = CONFIDENTIAL) -> bool:
    with Caller("X", "https://x.example", 1.0, server) as caller:
        return renew(accounts, x, "42", seen, caller, lambda: NOW)


def token_of(accounts: Accounts) -> XToken:
    found = accounts.find("x", "42")
    assert isinstance(found, XToken)
    return found


def test_a_renewal_keeps_both_new_tokens_and_all_else(tmp_path: Path) -> None:
    accounts, server = kept_in(tmp_path), TokenServer()
    assert renewed(accounts, server, "access-0")
    assert token_of(accounts) == XToken(
        given="g", webhook="https://w/x", access_token="access-1", refresh_token="refresh-1",
        expires_at=NOW + 7_200_000, scopes=("tweet.read", "tweet.write"),
    )  # fmt: skip
    assert server.urls == ["https://x.example/2/oauth2/token"]


def test_a_public_client_says_who_it_is_and_proves_nothing(tmp_path: Path) -> None:
    accounts, server = kept_in(tmp_path), TokenServer(client_secret=None)
    assert renewed(accounts, server, "access-0", X(client_id="client"))
    assert token_of(accounts).access_token == "access-1"


def test_who_comes_second_takes_what_the_first_got(tmp_path: Path) -> None:
    accounts, server = kept_in(tmp_path), TokenServer()
    start, done = threading.Barrier(4), []

    def work() -> None:
        start.wait()
        done.append(renewed(Accounts(accounts.file), server, "access-0"))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(done) == [False, False, False, True]
    assert server.calls == 1
    assert token_of(accounts).refresh_token == server.refresh_token


@given(st.lists(st.sampled_from(("renew", "stale", "fail")), max_size=10))
def test_whatever_happened_the_kept_token_is_the_one_that_x_takes_next(
    tmp_path_factory: pytest.TempPathFactory, steps: list[str]
) -> None:
    accounts, server = kept_in(tmp_path_factory.mktemp("a")), TokenServer()
    for step in steps:
        seen = "gone" if step == "stale" else token_of(accounts).access_token
        server.failing = int(step == "fail")
        try:
            renewed(accounts, server, seen)
        except CallFailed:
            assert step == "fail"
        assert (token_of(accounts).access_token, token_of(accounts).refresh_token) == (
            server.access_token, server.refresh_token,
        )  # fmt: skip


def test_where_the_new_token_could_not_be_kept_none_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    accounts, server = kept_in(tmp_path), TokenServer()

    def full(file: Path, text: str) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files, "write_atomically", full)
    with pytest.raises(AccountsError, match="No space left"):
        renewed(accounts, server, "access-0")
    assert server.calls == 0


def test_after_an_answer_that_was_lost_a_person_is_told_what_to_do(tmp_path: Path) -> None:
    accounts, server = kept_in(tmp_path), TokenServer(lost=1)
    with pytest.raises(CallFailed):
        renewed(accounts, server, "access-0")
    with pytest.raises(Rejected, match=r"rejoinder accounts add x:42") as caught:
        renewed(accounts, server, "access-0")
    assert "refresh-0" not in str(caught.value)


@pytest.mark.parametrize(
    ("x", "changes", "named"),
    [
        (X(), {}, r"set x\.client_id"),
        (X(client_id="other"), {}, "HTTP 401"),
        (CONFIDENTIAL, {"refresh_token": None}, "without a refresh token"),
        (CONFIDENTIAL, {"refresh_token": "refresh-9"}, "HTTP 400"),
    ],
)
def test_what_cannot_be_renewed_says_why(tmp_path: Path, x: X, changes: dict[str, str | None], named: str) -> None:
    accounts = kept_in(tmp_path, **changes)
    before = token_of(accounts)
    with pytest.raises(Rejected, match=named):
        renewed(accounts, TokenServer(), "access-0", x)
    assert token_of(accounts) == before


def test_a_token_is_due_shortly_before_it_ends_if_it_can_be_renewed() -> None:
    token = XToken(given="g", access_token="a", refresh_token="r", expires_at=NOW + MARGIN)
    assert is_due(token, NOW)
    assert not is_due(token, NOW - 1)
    assert not is_due(XToken(given="g", access_token="a", expires_at=NOW), NOW)
    assert not is_due(XToken(given="g", access_token="a", refresh_token="r"), NOW)
    assert not is_due(XUser(given="g", access_token="a", token_secret="s"), NOW)
    assert not is_due(PageToken(given="g", access_token="a", expires_at=NOW), NOW)


@pytest.mark.parametrize("seconds", [None, True, "7200", -1, 10**12, [], float("nan")])
def test_an_end_that_is_none_is_not_believed(seconds: object) -> None:
    assert ends_at(seconds, NOW) is None


def test_an_end_is_counted_from_now() -> None:
    assert ends_at(7200, NOW) == NOW + 7_200_000
