"""What every peer's program does alike: reads the same commands, and makes as many records as the engine does.

Runs in an environment of its own, with fastavro and without the project. The bench writes what is to be done to a
file; a program notes in another when the first message reached it.

The records are copies of one `MessageReceived` and one `Words` of the engine's, with ids, place and sequence of their
own, so that they are as large as the engine's. Nothing is decided.
"""

import hashlib
import io
import json
import struct
import sys
import time
from base64 import b64decode
from pathlib import Path
from typing import Any

import fastavro

HEADER = struct.Struct(">bI")


class Job:
    """One run, as the bench wrote it down."""

    def __init__(self, file: Path) -> None:
        self.asked: dict[str, Any] = json.loads(file.read_text())
        self.messages: int = self.asked["messages"]
        self._reads = {int(number): fastavro.parse_schema(each) for number, each in self.asked["schemas"].items()}
        self._event, self._words = self._sample("event"), self._sample("words")
        self._count = 0

    @classmethod
    def of_arguments(cls) -> "Job":
        """The one that the first argument names; it is taken away, for frameworks that look at the others."""
        return cls(Path(sys.argv.pop(1)))

    def decode(self, value: bytes) -> dict[str, Any]:
        """A command, in Confluent's wire format."""
        number = HEADER.unpack_from(value)[1]
        found = fastavro.schemaless_reader(io.BytesIO(value[HEADER.size :]), self._reads[number], None)
        assert isinstance(found, dict)
        return found

    def outputs(self, command: dict[str, Any], key: str, sequence: int) -> list[tuple[str, bytes]]:
        """The records of one message: `event` or `words`, and the value. In sum as many as the engine's.

        Args:
            sequence: which message of the key it is.
        """
        if "text" not in command:  # a policy
            return []
        if self._count == 0:
            self._tell_begin()
        self._count += 1
        return [
            *(("event", self._encode_event(command, key, sequence, number)) for number in range(self._due("events"))),
            *(("words", self._encode_words(command)) for _ in range(self._due("others"))),
        ]

    def _tell_begin(self) -> None:
        file = Path(self.asked["began"])
        written = file.with_suffix(".part")
        written.write_text(json.dumps({"at": time.time(), "cpu": time.process_time()}))
        written.rename(file)

    def _due(self, kind: str) -> int:
        """How many of a kind belong to this message, so that all messages together have as many as are wanted."""
        wanted: int = self.asked[kind]
        return self._count * wanted // self.messages - (self._count - 1) * wanted // self.messages

    def _encode_event(self, command: dict[str, Any], key: str, sequence: int, number: int) -> bytes:
        schema_id, schema, sample = self._event
        command_id = command["command_id"]
        return _encode(
            schema_id,
            schema,
            sample
            | {
                "interaction_id": f"{key}.1",
                "contact_id": key,
                "event_id": hashlib.sha256(f"{command_id} {number}".encode()).hexdigest()[:32],
                "sequence": sequence,
                "occurred_at": command["at"],
                "causation_id": command_id,
                "correlation_id": command_id,
                "actor_id": key,
                "handle_id": key,
                "item_id": command["item_id"],
                "posted_at": command["posted_at"],
                "in_reply_to": command["in_reply_to"],
            },
        )

    def _encode_words(self, command: dict[str, Any]) -> bytes:
        schema_id, schema, sample = self._words
        return _encode(schema_id, schema, sample | {"text": command["text"], "salt": command["salt"]})

    def _sample(self, name: str) -> tuple[int, Any, dict[str, Any]]:
        value = b64decode(self.asked[name])
        number = HEADER.unpack_from(value)[1]
        return number, self._reads[number], self.decode(value)


def _encode(schema_id: int, schema: Any, record: dict[str, Any]) -> bytes:
    out = io.BytesIO(HEADER.pack(0, schema_id))
    out.seek(HEADER.size)
    fastavro.schemaless_writer(out, schema, record)
    return out.getvalue()
