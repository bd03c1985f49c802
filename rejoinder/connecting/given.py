"""Tokens as a person gives them: the text of a file, of standard input, or of a prompt. Never an option, which
everybody on the machine could read in the list of processes."""

import json
import re
from dataclasses import dataclass, field
from typing import Any, Final

from engine.errors import RejoinderError
from rejoinder.accounts import Kept, PageToken, XToken, XUser, digest
from rejoinder.connecting.renewing import ends_at

LIMIT: Final = 16 * 1024
"""Characters."""
TOKEN: Final = re.compile(r"[\x21-\x7e]{1,4096}")
X_FORMS: Final = (
    "an OAuth 1.0a access token and its secret, each on a line, or as JSON with access_token and access_token_secret; "
    "or X's whole answer with an OAuth 2.0 token, JSON with access_token, refresh_token, expires_in and scope"
)
PAGE_FORMS: Final = "the access token alone, or JSON with access_token"


class BadToken(RejoinderError):
    """What was given as a token is none."""

    exit_code = 2


@dataclass(frozen=True)
class Given:
    """What a person gave."""

    parts: dict[str, Any] = field(repr=False)

    def text(self, *names: str) -> str | None:
        """A token under the first of these names that is there. Raises BadToken."""
        for name in names:
            found = self.parts.get(name)
            if found is None:
                continue
            if not isinstance(found, str) or not TOKEN.fullmatch(found):
                raise BadToken(f"{name} is no token: it has to be up to 4,096 characters without spaces")
            return found
        return None


def read(text: str, forms: str) -> Given:
    """Reads a given text; of what forms it may be is for the message. Raises BadToken, which quotes nothing."""
    if len(text) > LIMIT:
        raise BadToken(f"the text with the token is longer than {LIMIT} characters: it has to be {forms}")
    stripped = text.strip()
    if not stripped.startswith("{"):
        lines = stripped.split()
        if len(lines) not in (1, 2):
            raise BadToken(f"the token can't be read: it has to be {forms}")
        return Given(dict(zip(("access_token", "access_token_secret"), lines, strict=False)))
    try:
        found = json.loads(stripped)
    except (ValueError, RecursionError):
        raise BadToken(f"the token can't be read: it has to be {forms}") from None
    return Given(found)


def for_x(given: Given, now: int) -> Kept:
    """What is kept for an account on X. Raises BadToken."""
    token = given.text("access_token", "oauth_token")
    secret = given.text("access_token_secret", "token_secret", "oauth_token_secret")
    if token is None:
        raise BadToken(f"there is no access token: it has to be {X_FORMS}")
    if secret is not None:
        return XUser(given=digest(token, secret), access_token=token, token_secret=secret)
    if "refresh_token" not in given.parts and "expires_in" not in given.parts:
        raise BadToken(f"there is neither a token secret nor a refresh token: it has to be {X_FORMS}")
    scope = given.parts.get("scope")
    return XToken(
        given=digest(token),
        access_token=token,
        refresh_token=given.text("refresh_token"),
        expires_at=ends_at(given.parts.get("expires_in"), now),
        scopes=tuple(scope.split()) if isinstance(scope, str) else (),
    )


def for_page(given: Given) -> PageToken:
    """What was given for a Page, before Meta was asked. Raises BadToken."""
    token = given.text("access_token")
    if token is None:
        raise BadToken(f"there is no access token: it has to be {PAGE_FORMS}")
    return PageToken(given=digest(token), access_token=token)
