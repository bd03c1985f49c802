"""The file with the accounts' tokens: whole at any time, private, shared by processes, and never shown."""

import os
import threading
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rejoinder.accounts import (
    Accounts,
    AccountsError,
    Kept,
    NoAccountName,
    PageToken,
    XToken,
    XUser,
    accounts_of,
    kept_name,
    read_name,
)
from rejoinder.settings import load

SECRET = "hunter2"
USER = XUser(given="d1", access_token=f"{SECRET}-a", token_secret=f"{SECRET}-b")
TOKEN = XToken(given="d2", access_token=f"{SECRET}-c", refresh_token=f"{SECRET}-d", expires_at=7, scopes=("a", "b"))
PAGE = PageToken(given="d3", webhook="https://care.example/webhooks/meta", access_token=f"{SECRET}-e")


def put(accounts: Accounts, name: str, kept: Kept) -> None:
    with accounts.locked():
        accounts.put(name, kept)


def test_what_is_put_is_found_by_whoever_opens_the_file(tmp_path: Path) -> None:
    accounts = Accounts(tmp_path / "secrets" / "accounts.json")
    assert accounts.all() == {}
    for name, kept in (("x:42", USER), ("x:43", TOKEN), ("facebook:7", PAGE)):
        put(accounts, name, kept)
    again = Accounts(accounts.file)
    assert again.all() == {"facebook:7": PAGE, "x:42": USER, "x:43": TOKEN}
    assert again.find("messenger", "7") == PAGE == again.find("facebook", "7")
    assert again.find("x", "7") is None


def test_a_running_program_finds_what_another_puts_and_removes(tmp_path: Path) -> None:
    running, other = Accounts(tmp_path / "a.json"), Accounts(tmp_path / "a.json")
    assert running.find("x", "42") is None
    put(other, "x:42", USER)
    assert running.find("x", "42") == USER
    put(other, "x:42", msgspec.structs.replace(USER, access_token="new"))
    found = running.find("x", "42")
    assert isinstance(found, XUser)
    assert found.access_token == "new"
    with other.locked():
        other.remove("x:42")
    assert running.find("x", "42") is None


@given(
    st.lists(
        st.tuples(
            st.sampled_from((0, 1)), st.sampled_from(("x:1", "x:2", "facebook:3")),
            st.one_of(st.none(), st.sampled_from((USER, TOKEN, PAGE))),
        ),
        max_size=12,
    )
)  # fmt: skip
def test_whoever_changes_the_file_all_see_the_same(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[int, str, Kept | None]]
) -> None:
    file = tmp_path_factory.mktemp("accounts") / "a.json"
    openers = (Accounts(file), Accounts(file))
    expected: dict[str, Kept] = {}
    for who, name, kept in changes:
        with openers[who].locked():
            if kept is None:
                openers[who].remove(name)
                expected.pop(name, None)
            else:
                openers[who].put(name, kept)
                expected[name] = kept
        assert [each.all() for each in openers] == [expected, expected]


def test_nobody_loses_what_another_puts_at_the_same_time(tmp_path: Path) -> None:
    names = [f"x:{number}" for number in range(24)]
    start = threading.Barrier(4)

    def work(mine: list[str]) -> None:
        start.wait()
        for name in mine:
            put(Accounts(tmp_path / "a.json"), name, USER)

    threads = [threading.Thread(target=work, args=(names[part::4],)) for part in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(Accounts(tmp_path / "a.json").all()) == sorted(names)


def test_only_its_owner_may_read_it(tmp_path: Path) -> None:
    accounts = Accounts(tmp_path / "secrets" / "a.json")
    put(accounts, "x:42", USER)
    assert accounts.file.stat().st_mode & 0o777 == 0o600
    assert accounts.file.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o660, 0o601])
def test_a_file_that_others_may_use_is_refused_and_how_to_mend_it_is_said(tmp_path: Path, mode: int) -> None:
    accounts = Accounts(tmp_path / "a.json")
    put(accounts, "x:42", USER)
    accounts.file.chmod(mode)
    with pytest.raises(AccountsError, match=f"chmod 600 {accounts.file}"):
        accounts.all()
    accounts.file.chmod(0o600)
    assert accounts.find("x", "42") == USER


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b'{"accounts": {"x:42": {"type": "x_oauth1", "access_token": "hunter2"}}}',
        b'{"accounts": {"x:42": "hunter2"}}',
        b'{"accounts": {}, "hunter2": 1}',
        b'{"accounts": {"x:42": {"type": "hunter2"}}}',
        b"hunter2 \xff",
        b"{" * 100_000,
        b" " * 1_100_000,
    ],
)
def test_a_file_that_is_none_of_ours_is_named_and_not_quoted(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "a.json"
    file.write_bytes(content)
    file.chmod(0o600)
    with pytest.raises(AccountsError) as caught:
        Accounts(file).all()
    assert str(file) in str(caught.value)
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "no-folder").write_text("")
    with pytest.raises(AccountsError, match="no-folder"):
        put(Accounts(tmp_path / "no-folder" / "a.json"), "x:42", USER)


@pytest.mark.parametrize("kept", [USER, TOKEN, PAGE])
def test_a_token_is_never_shown(kept: Kept) -> None:
    assert SECRET not in f"{kept!r} {kept} {[kept]} {kept.__rich_repr__()}"


def test_an_account_is_named_by_channel_and_id() -> None:
    assert read_name("x:42") == ("x", "42")
    assert read_name("messenger:7") == ("messenger", "7")
    assert kept_name("messenger", "7") == kept_name("facebook", "7") == "facebook:7"
    assert kept_name("x", "7") == "x:7"


@given(st.text(max_size=12))
def test_whatever_else_is_given_as_a_name_is_refused(text: str) -> None:
    try:
        channel, account = read_name(text)
    except NoAccountName as error:
        assert error.exit_code == 2
    else:
        assert f"{channel}:{account}" == text
        assert channel in ("x", "facebook", "messenger")
        assert account.isascii() and account.isdigit()


def test_the_file_lies_with_the_secrets_or_where_it_is_set(tmp_path: Path) -> None:
    settings = load({"data": tmp_path}, environment={})
    assert accounts_of(settings).file == tmp_path / "secrets" / "accounts.json"
    elsewhere = load({"data": tmp_path, "accounts.file": tmp_path / "b.json"}, environment={})
    assert accounts_of(elsewhere).file == tmp_path / "b.json"


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    accounts = Accounts(tmp_path / "a.json")
    put(accounts, "x:42", USER)

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(AccountsError, match="No space left"):
        put(accounts, "x:43", TOKEN)
    assert accounts.all() == {"x:42": USER}
    assert [each.name for each in tmp_path.iterdir() if each.suffix != ".lock"] == ["a.json"]
