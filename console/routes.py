"""Routes that can't be without a role: the table of access is asked before anything of a request is read."""

from collections.abc import Callable, Coroutine
from typing import Any, Final

from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute

from console.access import MAY, SHOW_PEOPLE
from console.commanding import caller_of
from console.problems import Problem

OK: Final = 200


class Guarded(APIRoute):
    """A route for the roles that console.access.MAY names; one that it does not name can't be made.

    One that console.access.SHOW_PEOPLE names gives no answer before console.noting has written down who gets it.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        self.roles = MAY[endpoint.__name__]
        options["operation_id"] = endpoint.__name__
        options["openapi_extra"] = {**(options.get("openapi_extra") or {}), "x-roles": sorted(self.roles)}
        super().__init__(path, endpoint, **options)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Answers a request, if the caller's role may."""
        handle = super().get_route_handler()
        name = self.operation_id
        shows_people = name in SHOW_PEOPLE

        async def guarded(request: Request) -> Response:
            role = caller_of(request).role
            if role not in self.roles:
                allowed = " or ".join(sorted(self.roles))
                raise Problem(403, "not_your_role", f"This is for the role {allowed}; the token's is {role}.")
            response = await handle(request)
            if shows_people and response.status_code == OK and not getattr(request.state, "noted", False):
                raise NotImplementedError(f"{name} shows people's words or names and does not write down to whom")
            return response

        return guarded


def router(tag: str) -> APIRouter:
    """A router whose routes are guarded."""
    return APIRouter(route_class=Guarded, tags=[tag])
