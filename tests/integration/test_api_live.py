"""Live streams of the HTTP API: nothing is missed or told twice, whatever was begun late or broken off."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import msgspec
import psycopg
import pytest
from msgspec.structs import replace

from engine.policy.document import Account, Policy, Queue
from projections.live import wall
from projections.live.floor import Floor
from projections.live.interactions import Interaction
from tests.processing import message, send
from tests.serving import Served, person, serving
from topics.publisher import Outgoing

POLICY = Policy(
    name="live",
    accounts=(Account(channel="x", id="9", handle="acme", queue="care"),),
    queues=(Queue(name="care"),),
    accept_within=None,
)
pytestmark = pytest.mark.timeout(240)


@pytest.fixture(scope="module")
def served(kafka: str, postgres: str) -> Iterator[Served]:
    with serving(kafka, postgres, "live", POLICY) as running:
        yield running


class Stream:
    """A stream that is read event by event."""

    def __init__(self, served: Served, path: str, token: str, since: int | None = None) -> None:
        headers = {"Authorization": f"Bearer {token}"} | ({} if since is None else {"Last-Event-ID": str(since)})
        self._client = httpx.Client(timeout=60, trust_env=False)
        self._sent = self._client.stream("GET", f"{served.url}{path}", headers=headers)
        self.response = self._sent.__enter__()
        self._lines = self.response.iter_lines()

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        fields = dict[str, str]()
        for line in self._lines:
            if line:
                name, _, value = line.partition(": ")
                fields[name] = value
            elif "data" in fields:
                yield fields["event"], json.loads(fields["data"])
                fields = {}

    def close(self) -> None:
        self._sent.__exit__(None, None, None)
        self._client.close()


@pytest.fixture
def streams() -> Iterator[list[Stream]]:
    opened: list[Stream] = []
    yield opened
    for each in opened:
        each.close()


def says(served: Served, number: int, text: str, item: int = 1) -> str:
    key = person(number)
    answers = None if item == 1 else f"{number}-1"
    told = message(number, item, handle_id=key, actor_id=key, text=text, in_reply_to=answers)
    send(served.cluster, [Outgoing(told.topic, key, told.record)])
    return f"{key}.1"


def test_an_interaction_is_followed_from_its_beginning_to_its_end_in_both_directions(
    served: Served, streams: list[Stream]
) -> None:
    token = served.texts["agent"]
    interaction = says(served, 1, "hello 📦")
    path = f"/interactions/{interaction}"
    served.until(path, token, lambda found: found["state"] == "queued")
    stream = Stream(served, f"{path}/live", token)
    streams.append(stream)
    assert stream.response.headers["Content-Type"].startswith("text/event-stream")
    events, messages, sequences = iter(stream), list[tuple[str, str]](), list[int]()

    def until(text: str) -> None:
        for name, told in events:
            sequences.append(told["sequence"])
            if name == "message":
                messages.append((told["message"]["direction"], told["message"]["text"]))
            if messages and messages[-1][1] == text:
                return

    until("hello 📦")
    served.call("POST", f"{path}/take", token)
    served.call("POST", f"{path}/replies", token, json={"text": "hi there"})
    until("hi there")
    says(served, 1, "and then?", 2)
    until("and then?")
    served.call("POST", f"{path}/disposition", token, json={"code": "resolved"})
    until("")
    assert messages == [("in", "hello 📦"), ("out", "hi there"), ("in", "and then?")]
    whole = served.get(f"/trace/{interaction}", served.texts["auditor"]).json()["steps"]
    assert sequences == [step["sequence"] for step in whole]

    resumed = Stream(served, f"{path}/live", token, since=sequences[3])
    streams.append(resumed)
    assert [told["sequence"] for _, told in resumed] == sequences[4:]
    ended = Stream(served, f"{path}/live", token, since=sequences[-1])
    streams.append(ended)
    assert ended.response.status_code == 204


def test_an_agent_is_told_of_offers_and_of_what_goes(served: Served, streams: list[Stream]) -> None:
    token, supervisor = served.token("agent", "kim"), served.texts["supervisor"]
    pool = "/pools/main/agents/kim"
    served.call("PUT", pool, supervisor, json={"capacity": 1})
    served.call("PUT", f"{pool}/state", token, json={"state": "ready"})
    stream = Stream(served, "/agents/kim/live", token)
    streams.append(stream)
    events = iter(stream)
    interaction = says(served, 2, "hello")
    name, offer = next(events)
    assert (name, offer["interaction_id"]) == ("offer", interaction)
    served.call("POST", f"/interactions/{interaction}/accept", token)
    assert next(events)[0] == "work"
    served.call("POST", f"/interactions/{interaction}/disposition", token, json={"code": "resolved"})
    assert next(each for each in events if each[0] != "changed") == ("gone", {"interaction_id": interaction})


def test_a_stream_ends_when_its_token_does(served: Served, streams: list[Stream]) -> None:
    token = served.token("supervisor", "leaving")
    stream = Stream(served, "/agents/anybody/live", token)
    streams.append(stream)
    served.write(replace(served.records[token], revoked_at=1))
    assert list(stream) == []


def test_the_wallboard_is_read_and_followed(served: Served, streams: list[Stream]) -> None:
    token = served.texts["engineer"]
    missing = served.get("/live", token)
    assert (missing.status_code, missing.json()["code"]) == (503, "nothing_counted")
    assert served.get("/live", served.texts["auditor"]).status_code == 403
    stream = Stream(served, "/live/stream?queue=care", token)
    streams.append(stream)
    events = iter(stream)
    with psycopg.connect(served.dsn, autocommit=True) as connection:
        wall.install(connection)
        floor = Floor({"a.1": Interaction("x:9", "queued", 0, "care"), "b.1": Interaction("x:9", "queued", 0, "sales")})
        for now in (1_000, 2_000):
            wall.write(connection, "test", msgspec.json.encode(floor.board(now)).decode())
            name, told = next(events)
            assert (name, told["total"]["oldest_wait_seconds"]) == ("board", now / 1000)
            assert [line["queue"] for line in told["queues"]] == ["care"]
        assert served.get("/live", token).json()["total"]["waiting"] == 2
        assert served.get("/live?queue=sales", token).json()["total"]["waiting"] == 1
        wall.remove(connection, "test")
    assert next(events) == ("gone", {})


def test_others_agents_and_unknown_interactions_are_not_followed(served: Served) -> None:
    assert served.get("/agents/kim/live", served.texts["agent"]).status_code == 403
    assert served.get(f"/interactions/{'0' * 32}.1/live", served.texts["agent"]).status_code == 404
