"""X's token endpoint as it is for OAuth 2.0: a refresh token is taken once, and answered with the next."""

import base64
from dataclasses import dataclass, field
from threading import Lock
from urllib.parse import parse_qs

import httpx


@dataclass
class TokenServer(httpx.BaseTransport):
    """The server of one account's tokens, in place of the network."""

    client_id: str = "client"
    client_secret: str | None = "client-secret"
    access_token: str = "access-0"
    refresh_token: str = "refresh-0"
    lost: int = 0
    """How many answers are lost on their way, after the token was taken."""
    failing: int = 0
    """How many calls are answered with 503, and nothing is done."""
    calls: int = 0
    urls: list[str] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answers a call."""
        with self._lock:
            self.calls += 1
            self.urls.append(str(request.url))
            form = {name: values[0] for name, values in parse_qs(request.read().decode()).items()}
            if self.failing:
                self.failing -= 1
                return httpx.Response(503, text="<html>")
            if not self._is_client(request, form):
                return httpx.Response(401, json={"error": "unauthorized_client"})
            if form.get("grant_type") != "refresh_token" or form.get("refresh_token") != self.refresh_token:
                return httpx.Response(
                    400, json={"error": "invalid_request", "error_description": f"bad {form.get('refresh_token')}"}
                )
            number = int(self.refresh_token.partition("-")[2]) + 1
            self.access_token, self.refresh_token = f"access-{number}", f"refresh-{number}"
            if self.lost:
                self.lost -= 1
                raise httpx.ReadTimeout("lost", request=request)
            answer = {
                "token_type": "bearer", "expires_in": 7200, "access_token": self.access_token,
                "refresh_token": self.refresh_token, "scope": "tweet.read tweet.write",
            }  # fmt: skip
            return httpx.Response(200, json=answer)

    def _is_client(self, request: httpx.Request, form: dict[str, str]) -> bool:
        if self.client_secret is None:
            return "authorization" not in request.headers and form.get("client_id") == self.client_id
        expected = base64.b64encode(f"{self.client_id}:{self.client_secret}".encode()).decode()
        return bool(request.headers.get("authorization") == f"Basic {expected}")
