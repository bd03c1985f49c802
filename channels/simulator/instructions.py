"""How the control API answers an instruction that it can't follow."""

import msgspec
from starlette.responses import JSONResponse, Response


def refused(reason: str) -> Response:
    """400, with the reason in words."""
    return JSONResponse({"reason": reason}, status_code=400)


def unreadable(error: msgspec.DecodeError) -> Response:
    """The same for a body in another shape."""
    return refused(f"the body is not what is asked for: {error}")
