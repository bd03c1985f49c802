"""Routes that can't be without a role: the table of access is asked before anything of a request is read."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute

from console.access import MAY
from console.commanding import caller_of
from console.problems import Problem


class Guarded(APIRoute):
    """A route for the roles that console.access.MAY names; one that it does not name can't be made."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        self.roles = MAY[endpoint.__name__]
        options["operation_id"] = endpoint.__name__
        options["openapi_extra"] = {**(options.get("openapi_extra") or {}), "x-roles": sorted(self.roles)}
        super().__init__(path, endpoint, **options)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Answers a request, if the caller's role may."""
        handle = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            role = caller_of(request).role
            if role not in self.roles:
                allowed = " or ".join(sorted(self.roles))
                raise Problem(403, "not_your_role", f"This is for the role {allowed}; the token's is {role}.")
            return await handle(request)

        return guarded


def router(tag: str) -> APIRouter:
    """A router whose routes are guarded."""
    return APIRouter(route_class=Guarded, tags=[tag])
