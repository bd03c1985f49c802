"""The errors of the simulated Graph API, in Meta's form."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from starlette.responses import JSONResponse, Response

from channels.simulator.meta_credentials import trace_id


@dataclass(frozen=True, slots=True)
class GraphError:
    """Why a call is not done."""

    code: int
    message: str
    status: int = 400
    subcode: int | None = None
    type: str = "OAuthException"
    is_transient: bool = False


NO_TOKEN: Final = GraphError(104, "An access token is required to request this resource.")
BAD_TOKEN: Final = GraphError(190, "Invalid OAuth access token - Cannot parse access token", subcode=463)
BAD_PROOF: Final = GraphError(100, "Invalid appsecret_proof provided in the API argument", type="GraphMethodException")
BAD_PARAMETER: Final = GraphError(100, "(#100) Invalid parameter")
NO_OBJECT: Final = GraphError(
    100,
    "Unsupported request. Object with this ID does not exist, cannot be loaded due to missing permissions, or does "
    "not support this operation.",
    subcode=33,
    type="GraphMethodException",
)
NO_PERMISSION: Final = GraphError(200, "(#200) Permissions error", status=403)
TOO_LONG: Final = GraphError(100, "(#100) Length of param message[text] must be less than 2000")
COMMENT_TOO_LONG: Final = GraphError(100, "(#100) Length of param message must be less than or equal to 8000")
NO_USER: Final = GraphError(100, "(#100) No matching user found", subcode=2018001)
OUTSIDE_WINDOW: Final = GraphError(
    10, "(#10) This message is sent outside of allowed window.", status=400, subcode=2018278
)
REPLIED: Final = GraphError(10900, "(#10900) Activity already replied to")
NOT_REPLIABLE: Final = GraphError(10903, "(#10903) This user cannot reply to this activity")
SERVER_ERROR: Final = GraphError(1, "An unknown error occurred", status=500, is_transient=True)
UNAVAILABLE: Final = GraphError(
    2, "An unexpected error has occurred. Please retry your request later.", status=503, is_transient=True
)
TOO_MANY: Final = GraphError(32, "(#32) Page request limit reached", is_transient=True)

ERRORS: Final[dict[str, GraphError]] = {
    "1": SERVER_ERROR,
    "2": UNAVAILABLE,
    "4": GraphError(4, "(#4) Application request limit reached", status=403, is_transient=True),
    "17": GraphError(17, "(#17) User request limit reached", is_transient=True),
    "32": TOO_MANY,
    "613": GraphError(613, "(#613) Calls to this api have exceeded the rate limit."),
    "80001": GraphError(80001, "(#80001) There have been too many calls to this Page account.", is_transient=True),
    "10": GraphError(10, "(#10) Application does not have permission for this action", status=403),
    "100": NO_OBJECT,
    "190": GraphError(190, "Error validating access token: Session has expired", status=401, subcode=463),
    "200": NO_PERMISSION,
    "368": GraphError(368, "The action attempted has been deemed abusive or is otherwise disallowed"),
    "506": GraphError(506, "Duplicate status message"),
    "551": GraphError(551, "(#551) This person isn't available right now.", subcode=1545041),
    "10900": REPLIED,
    "10903": NOT_REPLIABLE,
    "2018278": OUTSIDE_WINDOW,
}
"""By the names under which the control API provokes them: the code, or the subcode where that is what counts."""

THROTTLES: Final = frozenset({"429", "4", "17", "32", "613", "80001"})
"""Faults that tell when they end."""


def answer(error: GraphError, headers: Mapping[str, str] | None = None) -> Response:
    """An error as Meta writes it."""
    body: dict[str, object] = {"message": error.message, "type": error.type, "code": error.code}
    if error.subcode is not None:
        body["error_subcode"] = error.subcode
    body |= {"is_transient": error.is_transient, "fbtrace_id": trace_id(error.message)}
    return JSONResponse({"error": body}, status_code=error.status, headers=headers)
