"""An answer that shows people is given only after it was written down who gets it."""

import asyncio

import httpx
import pytest
from fastapi import FastAPI

from console.gate import Gate
from console.noting import Notes
from console.ports import NotNoted
from console.problems import add_handlers
from console.routes import router
from engine.reads import PersonalRead
from tests.console_ports import Desk

NAME = "Ann Other"


def answered(desk: Desk, app: FastAPI) -> httpx.Response:
    """What an agent gets."""

    async def ask() -> httpx.Response:
        api = desk.api()
        app.state.api = api
        async with httpx.AsyncClient(transport=httpx.ASGITransport(Gate(app, api)), base_url="http://api") as client:
            headers = {"Authorization": f"Bearer {desk.texts['agent']}"}
            return await client.get("/x", headers=headers)

    return asyncio.run(ask())


def application(shows: bool) -> FastAPI:
    """One operation that shows people, and notes it or forgets to."""

    async def read_contact(notes: Notes) -> str:
        """A name."""
        if shows:
            await notes.shows(1, ["c", None], ["b.1", "a.1", "a.1"])
        return NAME

    routes = router("test")
    routes.get("/x")(read_contact)
    app = FastAPI()
    add_handlers(app)
    app.include_router(routes)
    return app


def test_what_is_noted_is_shown() -> None:
    desk = Desk()
    assert answered(desk, application(True)).json() == NAME
    (noted,) = desk.noted
    assert (noted.actor_id, noted.role, noted.door, noted.what) == ("the-agent", "agent", "api", "read_contact")
    assert (noted.at, noted.contacts, noted.interactions, noted.lines) == (desk.now, ["c"], ["a.1", "b.1"], 1)


def test_an_operation_that_forgets_to_note_shows_nothing() -> None:
    found = answered(Desk(), application(False))
    assert (found.status_code, NAME in found.text) == (500, False)


def test_where_nothing_can_be_noted_nothing_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fails(self: Desk, read: PersonalRead) -> None:
        raise NotNoted()

    monkeypatch.setattr(Desk, "note", fails)
    found = answered(Desk(), application(True))
    assert (found.status_code, found.json()["code"], NAME in found.text) == (503, "not_recorded", False)
