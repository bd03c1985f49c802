"""The proofs between Meta and an app: theirs that a body comes from them, ours that a token is used by the app.

Both are the lowercase hex of HMAC-SHA256 under the app secret (developers.facebook.com, "Webhooks: getting started",
"Secure requests"). Meta signs the bytes that it sends, with every character beyond ASCII escaped: only the raw body
has that signature, never one that was read and written again.
"""

import hashlib
import hmac
from typing import Final

HEADER: Final = "x-hub-signature-256"
"""The header that carries a body's signature."""


def sign(app_secret: str, content: bytes) -> str:
    """The signature of `content`: `sha256=` and hex.

    >>> sign("sesame", b"hello world")
    'sha256=f39034b29165ec6a5104d9aef27266484ab26c8caa7bca8bcb2dd02e8be61b17'
    """
    return "sha256=" + hmac.new(app_secret.encode(), content, hashlib.sha256).hexdigest()


def is_signed(app_secret: str, body: bytes, header: str | None) -> bool:
    """Whether `header` is the signature of the raw `body`; compared in constant time."""
    return header is not None and same(sign(app_secret, body), header)


def proof(app_secret: str, access_token: str) -> str:
    """The appsecret_proof of a call with this token: a stolen token alone is worth nothing."""
    return hmac.new(app_secret.encode(), access_token.encode(), hashlib.sha256).hexdigest()


def same(one: str, other: str) -> bool:
    """Whether two texts are the same; compared in constant time."""
    # As bytes: compare_digest refuses str outside of ASCII, and what comes from outside may hold anything.
    return hmac.compare_digest(one.encode("utf-8", "surrogatepass"), other.encode("utf-8", "surrogatepass"))
