#!/usr/bin/env python3
"""Proves a bundle of `rejoinder audit export`, far from Rejoinder: needs this file, Python, cryptography and fastavro.

    pip install cryptography fastavro
    python3 verify_bundle.py bundle.jsonl keys.jsonl

keys.jsonl is what `rejoinder audit keys --json` printed. Have it from whoever runs the installation, by another way
than the bundle: with keys that came along with it, anybody could have made both.

Checked is, in this order: the bundle's signature; each schema's fingerprint; each seal's signature by its writer; each
event's way to the root that its seal states (RFC 9162); that the events follow each other on their key without a gap;
and, where words are in it, that they are those of which the events hold the salted digests.

Ends with 0 if all of it holds, 1 if not, 2 if it can't be read.
"""

import hashlib
import io
import json
import sys
from base64 import b64decode
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import fastavro
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

FORMAT = "rejoinder-interaction-1"
EXPORTER = "export"
HEADER = 5
"""Bytes before the Avro body of a value: a zero and the number of its schema."""
MARK = 4
"""Bytes of each leaf that stand in a statement."""


class Broken(Exception):
    """Something is not what it has to be."""


def main(arguments: list[str]) -> int:
    if len(arguments) != 2:
        print(f"usage: {Path(__file__).name} BUNDLE KEYS\n\n{__doc__}", file=sys.stderr)
        return 2
    try:
        lines = Path(arguments[0]).read_text(encoding="utf-8").splitlines()
        keys = read_keys(Path(arguments[1]).read_text(encoding="utf-8"))
        if len(lines) != 2:
            raise ValueError(f"{arguments[0]} has {len(lines)} lines: a bundle has two")
        content, signature = json.loads(lines[0]), json.loads(lines[1])
    except (OSError, ValueError, KeyError, TypeError) as error:
        print(f"it can't be read: {error}", file=sys.stderr)
        return 2
    try:
        check_signature(lines[0].encode(), bytes.fromhex(signature["signature"]), signature["signer"], keys)
        events = check(content, keys)
    except Broken as broken:
        print(f"NOT as it was written: {broken}", file=sys.stderr)
        return 1
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, EOFError) as error:
        print(f"NOT a bundle that can be checked: {type(error).__name__}: {error}", file=sys.stderr)
        return 1
    show(content, events)
    return 0


def read_keys(text: str) -> dict[str, Ed25519PublicKey]:
    """The writers' public keys, by name."""
    told = [json.loads(line) for line in text.splitlines() if line.strip()]
    return {each["writer"]: Ed25519PublicKey.from_public_bytes(bytes.fromhex(each["key"])) for each in told}


def check_signature(message: bytes, signature: bytes, signer: str, keys: dict[str, Ed25519PublicKey]) -> None:
    if signer not in keys:
        raise Broken(f"there is no key of {signer} among the keys")
    try:
        keys[signer].verify(signature, message)
    except InvalidSignature:
        raise Broken(f"a signature is not that of {signer}") from None


def check(content: dict[str, Any], keys: dict[str, Ed25519PublicKey]) -> list[dict[str, Any]]:
    """Checks all that a bundle holds, and gives its events, decoded."""
    if content["format"] != FORMAT:
        raise Broken(f"its format is {content['format']}, and this program knows {FORMAT}")
    schemas = {}
    for stated, text in content["schemas"].items():
        if hashlib.sha256(text.encode()).hexdigest() != stated:
            raise Broken(f"the schema under the fingerprint {stated} is another")
        schemas[stated] = fastavro.parse_schema(json.loads(text))
    statements = []
    for seal in content["seals"]:
        statement = b64decode(seal["statement"])
        check_signature(statement, bytes.fromhex(seal["signature"]), seal["writer"], keys)
        stated = decode(statement[HEADER:], schemas[seal["schema"]])
        if stated["writer"] != seal["writer"]:
            raise Broken(f"a seal of {seal['writer']} states that it is of {stated['writer']}")
        statements.append(stated)
    events, before = [], None
    for told in content["events"]:
        body = b64decode(told["body"])
        digest = hashlib.sha256(bytes.fromhex(told["schema"]) + body).digest()
        check_leaf(told, digest, statements[told["seal"]])
        event = decode(body, schemas[told["schema"]])
        check_link(told, event, before)
        before = told["key"], event["sequence"], digest
        events.append({"type": json.loads(content["schemas"][told["schema"]])["name"].rpartition(".")[2], **event})
    if not any(event.get("interaction_id") == content["interaction_id"] for event in events):
        raise Broken(f"none of its events is of interaction {content['interaction_id']}")
    check_words(content.get("words", []), events)
    return events


def decode(body: bytes, schema: Any) -> dict[str, Any]:
    source = io.BytesIO(body)
    found = fastavro.schemaless_reader(source, schema, None)
    if source.tell() != len(body) or not isinstance(found, dict):
        raise Broken("a record does not end where its schema says")
    return found


def check_leaf(told: dict[str, Any], digest: bytes, statement: dict[str, Any]) -> None:
    """That an event is one of those that its seal's writer signed, in its place."""
    where = f"the event at {told['topic']}[{told['partition']}]@{told['offset']}"
    place = f"{told['topic']}\x00{told['partition']}\x00{told['key']}\x00".encode()
    leaf = hashlib.sha256(b"\x00" + place + digest).digest()
    index, size, inside = told["leaf"], 0, False
    for part in statement["covered"]:
        if (part["topic"], part["partition"]) == (told["topic"], told["partition"]):
            inside = size <= index < size + part["count"] and told["offset"] <= part["last"]
        size += part["count"]
    if not inside:
        raise Broken(f"{where} is not among those that its seal covers")
    if statement["marks"][index * MARK : (index + 1) * MARK] != leaf[:MARK]:
        raise Broken(f"{where} is another than its seal states")
    if climb(leaf, index, size, [bytes.fromhex(each) for each in told["path"]]) != statement["root"]:
        raise Broken(f"{where} does not lead to the root that its seal states")


def climb(reached: bytes, index: int, size: int, neighbours: list[bytes]) -> bytes:
    """The root to which a leaf leads. A node without a neighbour rises as it is."""
    left = list(reversed(neighbours))
    while size > 1:
        if index ^ 1 < size:
            pair = (left.pop(), reached) if index % 2 else (reached, left.pop())
            reached = hashlib.sha256(b"\x01" + pair[0] + pair[1]).digest()
        index, size = index // 2, (size + 1) // 2
    if left:
        raise Broken("a way to a root is longer than its tree")
    return reached


def check_link(told: dict[str, Any], event: dict[str, Any], before: tuple[str, int, bytes] | None) -> None:
    """That an event is the one after the one before it on their key."""
    if before is None:
        if event["sequence"] == 1 and event["previous"] != first(told["key"]):
            raise Broken(f"the first event on key {told['key']} does not begin its chain")
        return
    key, sequence, digest = before
    if told["key"] != key:
        raise Broken(f"event {event['sequence']} is on key {told['key']}, and the one before it on {key}")
    if event["sequence"] != sequence + 1:
        raise Broken(f"event {event['sequence']} follows event {sequence} on key {key}: one is missing")
    if event["previous"] != digest:
        raise Broken(f"event {event['sequence']} on key {key} names another before it than the one that is here")


def first(key: str) -> bytes:
    return hashlib.sha256(b"rejoinder chain 1\x00" + key.encode()).digest()


def check_words(words: list[dict[str, Any]], events: list[dict[str, Any]]) -> None:
    digests = {event["words"] for event in events if event.get("words")}
    for each in words:
        text = each["text"].encode("utf-8", "surrogatepass")
        if hashlib.blake2b(text, key=bytes.fromhex(each["salt"]), digest_size=32).digest() not in digests:
            raise Broken(f"no event has the digest of the words under {each['content_id']}")


def show(content: dict[str, Any], events: list[dict[str, Any]]) -> None:
    own = [event for event in events if event.get("interaction_id") == content["interaction_id"]]
    print(
        f"Interaction {content['interaction_id']}: {len(own)} events, and {len(events) - len(own)} others on its key,"
    )
    print(f"under {len(content['seals'])} seals by {', '.join(sorted({seal['writer'] for seal in content['seals']}))}.")
    print("All are as they were written, and none between them is missing. Times are UTC.\n")
    for event in own:
        at = datetime.fromtimestamp(event["occurred_at"] / 1000, UTC)
        actor = f"{event['actor_kind']} {event.get('actor_id') or ''}".strip()
        state = event.get("state") or ""
        print(f"{event['sequence']:>5}  {at:%Y-%m-%d %H:%M:%S}  {event['type']:<24}  {state:<18}  {actor}")
    for each in content.get("words", []):
        print(f"\n{each['content_id']}:\n{each['text']!r}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
