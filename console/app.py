"""The application: every route under its role, every error in one form, and its own description."""

from typing import Any, Final

from fastapi import FastAPI, Request
from pydantic import BaseModel
from starlette.types import ASGIApp

from console.agents import agents
from console.commanding import Calling
from console.contacts import contacts
from console.emergencies import emergencies
from console.gate import Gate
from console.importing import importing
from console.interactions import interactions
from console.live import Streams, live
from console.policies import policies
from console.ports import Api
from console.problems import READING, add_handlers
from console.reports import reports
from console.routes import router
from console.searching import searching

VERSION: Final = "1"
MOUNTED: Final = "/v1"
"""Where the application is mounted."""

about = router("about")


# importing before contacts: /contacts/import is no contact's id.
ROUTERS: Final = (about, agents, interactions, live, importing, contacts, searching, emergencies, policies, reports)


class Me(BaseModel):
    """Whose token it is."""

    subject: str
    role: str


@about.get("/openapi.json", responses=READING)
async def describe(request: Request) -> dict[str, Any]:
    """This description."""
    return description(request.app)


@about.get("/me", responses=READING)
async def who_am_i(caller: Calling) -> Me:
    """Whose token it is, and its role."""
    return Me(subject=caller.subject, role=caller.role)


def build(api: Api | None = None) -> FastAPI:
    """The application without its gate; without ports it can only describe itself."""
    app = FastAPI(
        title="Rejoinder",
        version=VERSION,
        description="All that agents, supervisors and other systems do with interactions. Every request carries a "
        "token in the header Authorization: Bearer. `x-roles` names the roles that may call an operation.",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.api = api
    app.state.streams = Streams()
    add_handlers(app)
    for each in ROUTERS:
        app.include_router(each)
    return app


def application(api: Api) -> ASGIApp:
    """The application, to be mounted at MOUNTED."""
    return Gate(build(api), api)


def description(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document, with where the application is mounted and how one authenticates."""
    found = app.openapi()
    found["servers"] = [{"url": MOUNTED}]
    found.setdefault("components", {})["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    found["security"] = [{"token": []}]
    _share_errors(found)
    return found


def _share_errors(found: dict[str, Any]) -> None:
    """Describes each error once: they are the same for all operations."""
    shared = found["components"].setdefault("responses", {})
    for methods in found["paths"].values():
        for operation in methods.values():
            for status, told in operation["responses"].items():
                if status >= "400":
                    shared.setdefault(status, told)
                    operation["responses"][status] = {"$ref": f"#/components/responses/{status}"}
