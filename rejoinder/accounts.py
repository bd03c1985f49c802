"""The tokens of the company's accounts: one file, which only its owner may read, shared by all programs of a machine.

A program that runs takes a new token without a restart: the file is read again when it changed. Whoever changes it
holds a lock meanwhile, and it is whole at any time. Nothing here shows a token: not in texts, and not in errors.
"""

import fcntl
import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import msgspec

from engine.errors import RejoinderError
from rejoinder.files import write_atomically
from rejoinder.settings import Settings

CHANNELS: Final = ("x", "facebook", "messenger")
NAME: Final = re.compile(r"(x|facebook|messenger):([0-9]{1,32})")
SIZE_LIMIT: Final = 1024 * 1024
"""Bytes of the file: a token has a few hundred."""
OTHERS: Final = 0o077
"""Every right of the group and of all others."""


class AccountsError(RejoinderError):
    """The file with the accounts' tokens can't be used."""


class NoAccountName(RejoinderError):
    """What should name an account does not."""

    exit_code = 2


class Secret(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is kept of an account."""

    given: str
    """A digest of what a person gave, from which the token may since have been renewed: giving it again is no news."""
    webhook: str | None = None
    """The address under which its webhook was registered."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}(...)"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return []


class XUser(Secret, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="x_oauth1"):
    """OAuth 1.0a: a token and its secret, which don't end."""

    access_token: str
    token_secret: str


class XToken(Secret, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="x_oauth2"):
    """OAuth 2.0: a token for two hours, and one to get the next with. Each refresh replaces both."""

    access_token: str
    refresh_token: str | None = None
    expires_at: int | None = None
    """Milliseconds since 1970."""
    scopes: tuple[str, ...] = ()


class PageToken(Secret, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="meta_page"):
    """A Facebook Page's token, for the Page and for Messenger."""

    access_token: str
    expires_at: int | None = None
    """Milliseconds since 1970; None: it does not end."""


Kept = XUser | XToken | PageToken


class _File(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    accounts: dict[str, Kept] = {}


_DECODER: Final = msgspec.json.Decoder(_File)


def read_name(text: str) -> tuple[str, str]:
    """Channel and platform id of an account written x:42. Raises NoAccountName."""
    found = NAME.fullmatch(text)
    if found is None:
        raise NoAccountName(f"{text!r} is no account: write x:ID, facebook:ID or messenger:ID, with the platform's id")
    return found[1], found[2]


def kept_name(channel: str, account: str) -> str:
    """Under which name an account's token is kept: a Page has one for Facebook and Messenger."""
    return f"{'x' if channel == 'x' else 'facebook'}:{account}"


def digest(*parts: str) -> str:
    """What is remembered of a given token: it tells whether another is the same, and nothing else."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def accounts_of(settings: Settings) -> "Accounts":
    """The file of these settings."""
    return Accounts(settings.accounts.file or settings.data / "secrets" / "accounts.json")


class Accounts:
    """The file. It need not be there: then no account has a token."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._stamp: tuple[int, int, int] | None = None
        self._known: dict[str, Kept] = {}

    def all(self) -> dict[str, Kept]:
        """Every account by its name. Raises AccountsError."""
        try:
            descriptor = os.open(self.file, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            self._stamp, self._known = None, {}
            return {}
        except OSError as error:
            raise AccountsError(f"{self.file}, with the accounts' tokens, can't be read: {error.strerror}") from error
        with os.fdopen(descriptor, "rb") as opened:
            about = os.fstat(opened.fileno())
            if about.st_mode & OTHERS:
                raise AccountsError(
                    f"{self.file} holds tokens, and others than its owner may use it: chmod 600 {self.file}"
                )
            stamp = (about.st_ino, about.st_mtime_ns, about.st_size)
            if stamp != self._stamp:
                self._known, self._stamp = _decoded(opened.read(SIZE_LIMIT + 1), self.file), stamp
        return dict(self._known)

    def find(self, channel: str, account: str) -> Kept | None:
        """What is kept of an account. Raises AccountsError."""
        return self.all().get(kept_name(channel, account))

    def put(self, name: str, kept: Kept) -> None:
        """Keeps an account's token. The caller holds the lock. It is durable when this returns."""
        self._write({**self.all(), name: kept})

    def remove(self, name: str) -> None:
        """Forgets one. The caller holds the lock."""
        self._write({other: kept for other, kept in self.all().items() if other != name})

    def rewrite(self) -> None:
        """Writes the file as it is. The caller holds the lock. Raises AccountsError if it can't be written now."""
        self._write(self.all())

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Nobody else changes the file meanwhile, in this process or another."""
        lock = self.file.with_name(f"{self.file.name}.lock")
        try:
            self.file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise AccountsError(f"{lock} can't be written: {error.strerror}") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _write(self, known: dict[str, Kept]) -> None:
        text = msgspec.json.format(msgspec.json.encode(_File(accounts=dict(sorted(known.items()))))).decode()
        try:
            write_atomically(self.file, f"{text}\n")
        except OSError as error:
            raise AccountsError(f"{self.file} can't be written: {error.strerror}") from error


def _decoded(content: bytes, file: Path) -> dict[str, Kept]:
    if len(content) > SIZE_LIMIT:
        raise AccountsError(f"{file} is larger than {SIZE_LIMIT} bytes: it is no file of tokens that we wrote")
    try:
        return _DECODER.decode(content).accounts
    except msgspec.MsgspecError:  # its text may quote a token
        raise AccountsError(
            f"{file} can't be read as the accounts' tokens: mend it, or remove it and add the accounts again"
        ) from None
