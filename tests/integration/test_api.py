"""The HTTP API on a real Kafka and PostgreSQL: an agent's work, repeats, two at once, tokens, and what is refused."""

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest
from msgspec.structs import replace
from typer.testing import CliRunner

from engine.errors import RejoinderError
from engine.policy.document import Account, Notice, Policy, Queue
from rejoinder.cli import app
from tests.processing import eventually, message, send
from tests.serving import Served, person, serving
from topics.publisher import Outgoing

POLICY = Policy(
    name="api",
    accounts=(
        Account(channel="x", id="9", handle="acme", queue="care", notices={"emergency": "emergency"}),
        Account(channel="x", id="10", handle="other", queue="nobody"),
    ),
    queues=(Queue(name="care"), Queue(name="nobody", pool="empty")),
    notices=(Notice(name="emergency", text={"en": "{handle} We know of it."}),),
    accept_within=None,
)
_people = count(1)
pytestmark = pytest.mark.timeout(240)


@pytest.fixture(scope="module")
def served(kafka: str, postgres: str) -> Iterator[Served]:
    with serving(kafka, postgres, "api", POLICY) as running:
        yield running


def says(served: Served, number: int, text: str, item: int = 1, account: str = "10") -> str:
    """A customer's message; gives the interaction that the person's first one opens."""
    key = person(number)
    told = message(number, item, handle_id=key, actor_id=key, text=text, accounts=[account])
    send(served.cluster, [Outgoing(told.topic, key, told.record)])
    return f"{key}.1"


@pytest.fixture
def waiting(served: Served) -> str:
    """A new interaction that waits in a queue that nobody serves."""
    interaction = says(served, next(_people), "Where is my parcel? 📦 \x00 مرحبا <b>")
    served.until(f"/interactions/{interaction}", served.texts["agent"], lambda found: found["state"] == "queued")
    return interaction


def post(served: Served, path: str, role: str = "agent", key: str | None = None, **body: Any) -> httpx.Response:
    headers = {} if key is None else {"Idempotency-Key": key}
    return served.call("POST", path, served.texts[role], headers, json=body)


def test_an_agent_takes_answers_and_closes(served: Served, waiting: str) -> None:
    path, token = f"/interactions/{waiting}", served.texts["agent"]
    taken = post(served, f"{path}/take")
    assert taken.status_code == 200, taken.text
    assert (taken.json()["outcome"], taken.json()["interaction_id"]) == ("accepted", waiting)
    assert taken.headers["ETag"] == f'"{taken.json()["sequence"]}"'
    assert post(served, f"{path}/take").json()["outcome"] == "duplicate"
    assert post(served, f"{path}/replies", text="On its way").json()["outcome"] == "accepted"
    found = served.until(path, token, lambda found: len(found["messages"]) == 2)
    assert [(each["direction"], each["text"]) for each in found["messages"]] == [
        ("in", "Where is my parcel? 📦 \x00 مرحبا <b>"),
        ("out", "On its way"),
    ]
    assert found["agent_id"] == "the-agent"
    assert waiting in {line["interaction_id"] for line in served.get("/agents/the-agent/interactions", token).json()}
    wrong = post(served, f"{path}/disposition", code="no such code")
    assert (wrong.status_code, wrong.json()["code"]) == (404, "unknown_code")
    assert post(served, f"{path}/disposition", code="resolved").json()["outcome"] == "accepted"
    late = post(served, f"{path}/replies", text="Too late")
    assert late.status_code == 409
    assert set(late.json()) == {"code", "reason"}


def test_an_offer_is_accepted_by_whom_it_was_made(served: Served) -> None:
    supervisor, token = served.texts["supervisor"], served.token("agent", "kim")
    pool = "/pools/main/agents/kim"
    assert served.call("PUT", pool, supervisor, json={"capacity": 1}).json()["outcome"] == "accepted"
    assert served.call("PUT", f"{pool}/state", token, json={"state": "ready"}).json()["outcome"] == "accepted"
    interaction = says(served, next(_people), "hello", account="9")
    (offer,) = served.until("/agents/kim/offers", token, bool)
    assert (offer["interaction_id"], offer["accepted"]) == (interaction, False)
    other = post(served, f"/interactions/{interaction}/accept")
    assert (other.status_code, other.json()["code"]) == (409, "not_offered")
    mine = served.call("POST", f"/interactions/{interaction}/accept", token)
    assert mine.json()["outcome"] == "accepted"
    for_kim = post(served, f"/interactions/{interaction}/disposition", "supervisor", code="resolved", agent="kim")
    assert for_kim.json()["outcome"] == "accepted"
    assert served.call("PUT", f"{pool}/state", supervisor, json={"state": "offline"}).status_code == 200


def test_a_repeat_with_the_same_key_is_harmless_and_another_request_with_it_is_refused(
    served: Served, waiting: str
) -> None:
    path = f"/interactions/{waiting}"
    post(served, f"{path}/take")
    first = post(served, f"{path}/replies", key="k1", text="On its way")
    again = post(served, f"{path}/replies", key="k1", text="On its way")
    assert (first.json()["outcome"], again.json()["outcome"]) == ("accepted", "duplicate")
    assert first.json() | {"outcome": ""} == again.json() | {"outcome": ""}
    assert first.headers["Idempotency-Key"] == again.headers["Idempotency-Key"] == "k1"
    other = post(served, f"{path}/replies", key="k1", text="Something else")
    assert (other.status_code, other.json()["code"]) == (422, "key_reused")
    by_another = post(served, f"{path}/replies", "supervisor", key="k1", text="On its way")
    assert by_another.json()["code"] == "not_assigned"
    found = served.until(path, served.texts["agent"], lambda found: len(found["messages"]) == 2)
    assert len(found["messages"]) == 2


def test_twenty_repeats_at_once_post_one_answer(served: Served, waiting: str) -> None:
    path = f"/interactions/{waiting}"
    post(served, f"{path}/take")
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: post(served, f"{path}/replies", key="once", text="hi").json(), range(20)))
    assert sorted(answer["outcome"] for answer in answers) == ["accepted"] + ["duplicate"] * 19
    assert len({answer["command_id"] for answer in answers}) == 1


def test_of_two_who_answer_at_once_one_is_told_that_it_moved_on(served: Served, waiting: str) -> None:
    path = f"/interactions/{waiting}"
    post(served, f"{path}/take")
    token = served.texts["agent"]
    served.until(path, token, lambda found: found["agent_id"] == "the-agent")
    seen = served.get(path, token).headers["ETag"]

    def answers(text: str) -> httpx.Response:
        return served.call("POST", f"{path}/replies", token, {"If-Match": seen}, json={"text": text})

    with ThreadPoolExecutor(2) as pool:
        both = list(pool.map(answers, ["one", "two"]))
    assert sorted(answer.status_code for answer in both) == [200, 412]
    (late,) = [answer for answer in both if answer.status_code == 412]
    assert late.json()["code"] == "moved_on"
    beyond = served.call("POST", f"{path}/replies", token, {"If-Match": '"999999"'}, json={"text": "x"})
    assert beyond.status_code == 412


def test_what_does_not_exist_is_a_404(served: Served) -> None:
    nobody = f"{'0' * 32}.1"
    for path in (f"/interactions/{nobody}", f"/contacts/{'0' * 32}", "/nothing", "/policy/999"):
        found = served.get(path, served.texts["supervisor"])
        assert (found.status_code, set(found.json())) == (404, {"code", "reason"}), path
    assert post(served, f"/interactions/{nobody}/accept").json()["code"] == "unknown_interaction"
    assert served.call("PUT", "/accounts/x:77/emergency", served.texts["supervisor"]).status_code == 404


def test_pages_join_to_the_whole_list_without_gap_or_repeat(served: Served) -> None:
    opened = {says(served, next(_people), "hi") for _ in range(5)}
    token = served.texts["auditor"]
    whole = served.until(
        "/interactions?limit=200",
        token,
        lambda page: opened <= {line["interaction_id"] for line in page["interactions"]},
    )
    assert whole["next"] is None
    pages, after = list[str](), ""
    while True:
        page = served.get(f"/interactions?limit=2{after}", token).json()
        pages += [line["interaction_id"] for line in page["interactions"]]
        if page["next"] is None:
            break
        after = f"&after={page['next']}"
    assert pages == [line["interaction_id"] for line in whole["interactions"]]
    assert served.get("/interactions?after=bm9uc2Vuc2U", token).json()["field"] == "after"


def test_an_emergency_holds_until_it_ends(served: Served) -> None:
    token, path = served.texts["supervisor"], "/accounts/x:10/emergency"
    assert served.get(path, token).json()["emergency"] is False
    assert served.call("PUT", path, token).json()["outcome"] == "accepted"
    assert served.call("PUT", path, token).json()["outcome"] == "duplicate"
    held = served.until(path, token, lambda found: found["emergency"])
    assert held["by"] == "the-supervisor"
    assert served.call("DELETE", path, token).json()["outcome"] == "accepted"
    served.until(path, token, lambda found: not found["emergency"])


def test_the_policy_is_checked_published_and_read(served: Served) -> None:
    token = served.texts["engineer"]
    latest = served.get("/policy/latest", token).json()
    wrong = served.call("POST", "/policy/validate", token, content="name: x\naccounts: []\nqueues: []\nfilter: []\n")
    assert wrong.json()["valid"] is False
    assert {"line": 4, "column": 1, "field": "filter"}.items() <= wrong.json()["problems"][0].items()
    refused = served.call("POST", "/policy", token, content="name: x")
    assert (refused.status_code, refused.json()["code"]) == (422, "bad_policy")
    assert served.call("POST", "/policy", token, json=latest["policy"]).json() == {
        "version": latest["version"],
        "new": False,
    }
    changed = latest["policy"] | {"name": "changed 📦"}
    published = served.call("POST", "/policy", token, content=json.dumps(changed)).json()
    assert published == {"version": latest["version"] + 1, "new": True}
    assert served.get("/policy", token).json()[0] | {"published_at": ""} == {
        "version": latest["version"] + 1, "name": "changed 📦", "published_at": "", "published_by": "the-engineer"
    }  # fmt: skip


def test_a_life_is_traced_and_reported(served: Served, waiting: str) -> None:
    told = served.until(f"/trace/{waiting}", served.texts["auditor"], lambda found: len(found["steps"]) >= 3)
    assert told["account_name"] == "@other"
    assert told["steps"][0]["event"] == "MessageReceived"
    lines = served.get("/reports/interactions?interval=day", served.texts["analyst"]).json()
    assert sum(line["offered"] for line in lines) >= 1
    asked = "/reports/interactions?by=queue&by=policy&interval=month&zone=Asia/Kathmandu"
    (line, *_) = served.get(asked, served.texts["analyst"]).json()
    assert list(line)[:4] == ["interval_start", "queue", "policy", "offered"]
    assert line["interval_start"].endswith("-01T00:00:00+05:45")
    for wrong in ("by=weather", "zone=Atlantis"):
        refused = served.get(f"/reports/interactions?{wrong}", served.texts["analyst"])
        assert (refused.status_code, refused.json()["code"]) == (422, "no_such_report")


def test_a_token_holds_until_it_is_revoked_and_stands_in_no_url(served: Served) -> None:
    text = served.token("auditor", "passing")
    served.write(replace(served.records[text], revoked_at=1))
    _until_refused(served, text)
    wrong = (None, text, f"{served.texts['agent']}x", "rj_0_x", "nonsense")
    assert len({served.get("/me", each).text for each in wrong}) == 1
    assert served.get(f"/me?token={text}", served.texts["agent"]).json()["code"] == "token_in_url"
    assert served.get(f"/me?x={text}", None).json()["code"] == "token_in_url"


def test_the_command_line_makes_lists_and_ends_tokens(
    served: Served, kafka: str, postgres: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setenv("REJOINDER_KAFKA_BOOTSTRAP", kafka)
    monkeypatch.setenv("REJOINDER_POSTGRES_DSN", postgres)
    monkeypatch.setenv("REJOINDER_TOPICS_PREFIX", served.cluster.catalogue.prefix)

    def call(*arguments: str) -> Any:
        result = CliRunner().invoke(app, ["token", *arguments, "--json"])
        return json.loads(result.stdout) if result.exit_code == 0 else result.exception

    made = call("create", "--role", "analyst", "--subject", "ada", "--expires", "1d")
    assert made["created_at"] < made["expires_at"]
    eventually("the token holds", lambda: served.get("/me", made["token"]).status_code == 200)
    assert served.get("/me", made["token"]).json() == {"subject": "ada", "role": "analyst"}
    listed = CliRunner().invoke(app, ["token", "list", "--json"]).stdout
    assert made["token"].rpartition("_")[2] not in listed
    assert made["token_id"] in listed
    assert call("revoke", made["token_id"])["holds"] is False
    _until_refused(served, made["token"])
    assert call("revoke", made["token_id"])["holds"] is False
    for arguments in (["revoke", "nothing"], ["create", "--role", "agent", "--subject", "a/b"],
                      ["create", "--role", "agent", "--subject", "kim", "--expires", "soon"]):  # fmt: skip
        assert isinstance(call(*arguments), RejoinderError), arguments


def _until_refused(served: Served, token: str) -> None:
    for _ in range(600):
        if served.get("/me", token).status_code == 401:
            return
        threading.Event().wait(0.1)
    raise AssertionError("the token still holds")
