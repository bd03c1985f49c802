"""Access tokens: `rj_<id>_<secret>`. The id finds it, the secret proves it; of the secret only a digest is kept."""

import hashlib
import hmac
import secrets
from typing import Final

from engine.delivery import AccessToken

PREFIX: Final = "rj_"
_ID_BYTES: Final = 8
_SECRET_BYTES: Final = 32
_NOBODY: Final = hashlib.sha256(b"").digest()
"""Compared where there is no such token, so that an unknown one takes as long as a wrong one."""


def make(role: str, subject: str, now: int, by: str, expires_at: int | None = None) -> tuple[AccessToken, str]:
    """A new token: the record that is kept, and the text that is shown once."""
    token_id, secret = secrets.token_hex(_ID_BYTES), secrets.token_urlsafe(_SECRET_BYTES)
    record = AccessToken(
        token_id=token_id,
        digest=_digest(secret),
        role=role,
        subject=subject,
        created_at=now,
        created_by=by,
        expires_at=expires_at,
    )
    return record, f"{PREFIX}{token_id}_{secret}"


def split(text: str) -> tuple[str, str]:
    """The id and the secret of a token's text; empty where it is none."""
    if not text.startswith(PREFIX):
        return "", ""
    token_id, _, secret = text.removeprefix(PREFIX).partition("_")
    return token_id, secret


def proves(token: AccessToken | None, secret: str) -> bool:
    """Whether a secret is the token's, in the same time whatever is wrong with it."""
    known = _NOBODY if token is None else token.digest
    return hmac.compare_digest(known, _digest(secret)) and token is not None


def holds(token: AccessToken | None, now: int) -> bool:
    """Whether a token may be used: it was neither revoked, nor is it over."""
    if token is None or token.revoked_at is not None:
        return False
    return token.expires_at is None or now < token.expires_at


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
