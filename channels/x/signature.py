"""X's two proofs: ours that the webhook is ours (CRC), theirs that a body comes from X (signature).

Both are the base64 of HMAC-SHA256 under the app's consumer secret (docs.x.com, "Securing webhooks").
"""

import base64
import hashlib
import hmac
from typing import Final

HEADER: Final = "x-twitter-webhooks-signature"
"""The header that carries a body's signature."""


def sign(consumer_secret: str, content: bytes) -> str:
    """The signature of `content`: `sha256=` and base64.

    >>> sign("DDD", b"some_random")
    'sha256=VE19eUk6krbdSqWPdvH71xtFhApBAU81uPW3UT65vOs='
    """
    digest = hmac.new(consumer_secret.encode(), content, hashlib.sha256).digest()
    return "sha256=" + base64.b64encode(digest).decode()


def crc_answer(consumer_secret: str, crc_token: str) -> dict[str, str]:
    """What a GET with `crc_token` is answered with. A lone surrogate can't come: the token is from a URL."""
    return {"response_token": sign(consumer_secret, crc_token.encode())}


def is_signed(consumer_secret: str, body: bytes, header: str | None) -> bool:
    """Whether `header` is the signature of the raw `body`; compared in constant time."""
    if header is None:
        return False
    # As bytes: compare_digest refuses str outside of ASCII, and a header may hold anything.
    return hmac.compare_digest(sign(consumer_secret, body).encode(), header.encode("utf-8", "surrogatepass"))
