"""Nothing is open without a token, nobody does more than the role allows, and nobody learns why a token is refused."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console import tokens
from console.access import MAY, ROLES
from console.app import ROUTERS, build, description
from console.routes import Guarded, router
from engine.interaction import commands as c
from tests.console_ports import NOW, Desk

INTERACTION = f"{'0' * 32}.1"
OPERATIONS = [
    (path, method, operation)
    for path, methods in description(build())["paths"].items()
    for method, operation in methods.items()
]
NAMES = [operation["operationId"] for _, _, operation in OPERATIONS]
FILLED = {
    "pool": "main", "agent": "the-agent", "interaction": INTERACTION, "contact": "0" * 32, "other": "1" * 32,
    "handle": "1" * 32, "account": "x:9", "version": "latest", "name": "agents",
}  # fmt: skip


def test_every_route_is_guarded_and_stands_in_the_table() -> None:
    routes: list[Any] = [route for each in ROUTERS for route in each.routes]
    assert all(isinstance(route, Guarded) for route in routes)
    assert len(build().routes) == len(ROUTERS)
    assert sorted(NAMES) == sorted(MAY)
    assert all(MAY[name] for name in NAMES)


def test_a_route_that_the_table_does_not_name_cannot_be_made() -> None:
    async def unheard_of() -> None:
        """Nothing."""

    with pytest.raises(KeyError):
        router("test").get("/unheard-of")(unheard_of)


@pytest.mark.parametrize(("path", "method", "operation"), OPERATIONS, ids=NAMES)
def test_each_operation_is_for_the_roles_of_the_table_only(path: str, method: str, operation: Any) -> None:
    desk = Desk()
    address = path.format(**FILLED)
    assert desk.call(method, address, None).status_code == 401
    for role in ROLES:
        found = desk.call(method, address, desk.texts[role], content=b"\xff no JSON")
        refused = found.status_code == 403 and found.json()["code"] == "not_your_role"
        assert refused == (role not in MAY[operation["operationId"]]), (role, found.text)
    assert operation["x-roles"] == sorted(MAY[operation["operationId"]])


def test_who_only_looks_changes_nothing_and_what_concerns_others_is_the_supervisors() -> None:
    changing = {operation["operationId"] for _, method, operation in OPERATIONS if method != "get"}
    for name in changing:
        assert not MAY[name] & {"analyst", "auditor"}, name
        assert ("engineer" in MAY[name]) == (name in {"publish_policy", "validate_policy"}), name
    assert {name for name in changing if "agent" not in MAY[name]} == {
        "register_agent", "take_over", "begin_emergency", "end_emergency", "import_contacts", "block_contact",
        "unblock_contact", "erase_contact", "erase_message", "publish_policy", "validate_policy",
    }  # fmt: skip


@pytest.mark.parametrize("query", ["token={}", "access_token={}", "x={}", "TOKEN=anything", "x=1&q=%72j_0_{}"])
def test_a_token_in_a_url_is_refused_whoever_asks(query: str) -> None:
    desk = Desk()
    for token in (None, desk.texts["agent"]):
        found = desk.call("GET", f"/me?{query.format(desk.texts['agent'])}", token)
        assert (found.status_code, found.json()["code"]) == (400, "token_in_url")
    assert desk.call("GET", "/me?x=1", desk.texts["agent"]).status_code == 200


def test_unknown_paths_are_no_more_open_than_others() -> None:
    desk = Desk()
    assert desk.call("GET", "/nothing", None).status_code == 401
    assert desk.call("GET", "/nothing", desk.texts["agent"]).status_code == 404
    assert desk.call("PATCH", "/me", desk.texts["agent"]).json()["code"] == "no_such_method"


@given(st.sampled_from(["wrong", "unknown", "expired", "revoked", "cut", "none", "empty", "basic", "twice", "long"]))
def test_whatever_is_wrong_with_a_token_the_answer_is_the_same(fault: str) -> None:
    desk = Desk()
    good = desk.texts["agent"]
    token_id, _ = tokens.split(good)
    expired = desk.token("agent", "kim", NOW)
    revoked = desk.token("agent", "kim")
    desk.known[tokens.split(revoked)[0]].revoked_at = NOW - 1
    headers = {
        "wrong": f"Bearer rj_{token_id}_{'x' * 43}",
        "unknown": f"Bearer rj_{'0' * 16}_{tokens.split(good)[1]}",
        "expired": f"Bearer {expired}",
        "revoked": f"Bearer {revoked}",
        "cut": f"Bearer {good[:-1]}",
        "none": "",
        "empty": "Bearer ",
        "basic": f"Basic {good}",
        "twice": f"Bearer {good}, Bearer {good}",
        "long": f"Bearer {good}{'x' * 5000}",
    }
    found = desk.call("GET", "/me", None, {"Authorization": headers[fault]})
    expected = desk.call("GET", "/me", None)
    assert (found.status_code, found.content, found.headers["www-authenticate"]) == (401, expected.content, "Bearer")


def test_a_token_holds_up_to_its_end_and_not_beyond() -> None:
    desk = Desk()
    text = desk.token("auditor", "kim", NOW + 10)
    desk.now = NOW + 9
    assert desk.call("GET", "/me", text).json() == {"subject": "kim", "role": "auditor"}
    desk.now = NOW + 10
    assert desk.call("GET", "/me", text).status_code == 401


@given(st.sampled_from(ROLES), st.text(max_size=20))
def test_a_made_token_proves_itself_and_shows_no_secret(role: str, subject: str) -> None:
    record, text = tokens.make(role, subject, NOW, "me")
    token_id, secret = tokens.split(text)
    assert token_id == record.token_id
    assert tokens.proves(record, secret)
    assert not tokens.proves(record, secret[:-1])
    assert not tokens.proves(None, "")
    assert len(secret) >= 43
    assert secret not in repr(record)
    assert secret.encode() not in record.digest


@pytest.mark.parametrize("action", ["accept", "decline", "take"])
def test_an_agent_acts_as_itself_only_and_a_supervisor_as_anybody(action: str) -> None:
    desk = Desk()
    path = f"/interactions/{INTERACTION}/{action}"
    refused = desk.call("POST", path, desk.texts["agent"], json={"agent": "kim"})
    assert (refused.status_code, refused.json()["code"], desk.engine.asked) == (403, "not_yourself", [])
    for role, body, agent, kind in (
        ("agent", {}, "the-agent", "agent"),
        ("agent", {"agent": "the-agent"}, "the-agent", "agent"),
        ("supervisor", {}, "the-supervisor", "supervisor"),
        ("supervisor", {"agent": "kim"}, "kim", "supervisor"),
    ):
        assert desk.call("POST", path, desk.texts[role], json=body).status_code == 200
        command = desk.engine.asked[-1].command
        assert isinstance(command, c.Accept | c.Decline | c.Take)
        assert (command.agent_id, command.actor_kind, command.actor_id) == (agent, kind, f"the-{role}")


def test_an_agent_says_only_of_itself_whether_it_is_there() -> None:
    desk = Desk()
    for agent, status in (("kim", 403), ("the-agent", 200)):
        path = f"/pools/main/agents/{agent}/state"
        assert desk.call("PUT", path, desk.texts["agent"], json={"state": "ready"}).status_code == status
    for path in ("/agents/kim/offers", "/agents/kim/interactions", "/agents/kim/live"):
        assert desk.call("GET", path, desk.texts["agent"]).status_code == 403
        assert desk.call("GET", path, desk.texts["supervisor"]).status_code in (200, 503)
