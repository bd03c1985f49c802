"""Whatever is sent, the running API answers as its OpenAPI document says: no 5xx, nothing undocumented."""

import itertools
from collections.abc import Iterator
from typing import Any

import hypothesis
import msgspec
import psycopg
import pytest
import requests
import schemathesis
from schemathesis import openapi
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from console.app import build, description
from engine.policy.document import Account, Policy, Queue
from projections.live import wall
from projections.live.floor import Floor
from tests.processing import message, send
from tests.serving import Served, person, serving
from topics.publisher import Outgoing

POLICY = Policy(
    name="schema",
    accounts=(Account(channel="x", id="9", handle="acme", queue="care"),),
    queues=(Queue(name="care"),),
)
EXAMPLES = 8
"""For each operation: two hundred requests in all, which is well below a minute."""
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
SCHEMA = openapi.from_dict(description(build()))


def is_stream(operation: dict[str, Any]) -> bool:
    return "text/event-stream" in operation["responses"].get("200", {}).get("content", {})


# A live stream has no end; test_api_live.py reads them.
OPERATIONS = {
    found.ok().definition.raw["operationId"]: found.ok()
    for found in SCHEMA.get_all_operations()
    if isinstance(found, Ok) and not is_stream(found.ok().definition.raw)
}
pytestmark = pytest.mark.timeout(240)


@pytest.fixture(scope="module")
def served(kafka: str, postgres: str) -> Iterator[Served]:
    with serving(kafka, postgres, "schema", POLICY) as running:
        told = message(1, 1, handle_id=person(1), actor_id=person(1))
        send(running.cluster, [Outgoing(told.topic, person(1), told.record)])
        running.until(f"/contacts/{person(1)}", running.texts["agent"], bool)
        with psycopg.connect(running.dsn, autocommit=True) as connection:
            wall.install(connection)
            wall.write(connection, "test", msgspec.json.encode(Floor().board(1_000)).decode())
            connection.execute("UPDATE live.wallboard SET written_at = written_at + interval '1 hour'")  # it stays
        yield running


def test_nothing_of_the_document_is_left_out() -> None:
    paths = SCHEMA.raw_schema["paths"]
    streams = [path for path, operations in paths.items() if any(map(is_stream, operations.values()))]
    assert len(streams) == 3
    assert len(OPERATIONS) + len(streams) == sum(map(len, paths.values()))


@pytest.mark.parametrize("operation_id", OPERATIONS)
def test_every_answer_is_documented(served: Served, operation_id: str) -> None:
    operation = OPERATIONS[operation_id]
    there = {"interaction": f"{person(1)}.1", "contact": person(1), "account": "x:9", "pool": "main"}
    turns = itertools.count()
    token = served.texts["supervisor"]

    # The same requests in each run: one that fails is found again.
    @hypothesis.settings(max_examples=EXAMPLES, database=None, derandomize=True)
    @hypothesis.given(case=operation.as_strategy())
    def each(case: schemathesis.Case[Any]) -> None:
        if next(turns) % 2:  # half of them to what there is, so that more than 404s are seen
            case.path_parameters.update({name: there[name] for name in case.path_parameters if name in there})
        response = case.call(base_url=served.url, headers={"Authorization": f"Bearer {token}"}, timeout=30)
        case.validate_response(response, checks=CHECKS)

    each()


def test_without_a_token_every_operation_is_closed(served: Served) -> None:
    for operation in OPERATIONS.values():
        path = operation.path.replace("{", "").replace("}", "")
        answer = requests.request(operation.method, f"{served.url}{path}", timeout=30)
        assert (answer.status_code, answer.json()["code"]) == (401, "no_token"), path
