"""HTTP requests whose heads have an end."""

from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

LIMIT: Final = 64 * 1024
"""Bytes of a request that are not its body: its head, and what frames a body that comes in chunks."""


class BoundedHeads(HttpToolsProtocol):
    """uvicorn's faster protocol, which by itself would keep a head of any length in memory."""

    _unframed = 0

    def data_received(self, data: bytes) -> None:
        """Raises nothing: what is too large is refused with 400, and its connection closed."""
        self._unframed += len(data)
        super().data_received(data)
        if self._unframed > LIMIT and not self.transport.is_closing():
            self.send_400_response(f"The head of a request has at most {LIMIT} bytes.")

    def on_body(self, body: bytes) -> None:
        self._unframed = max(0, self._unframed - len(body))
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._unframed = 0
        super().on_message_complete()
