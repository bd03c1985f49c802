"""The policy: every version, and a new one."""

from datetime import UTC, datetime
from typing import Annotated, Any, Final

import msgspec
from fastapi import Path, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, Field

from console.commanding import Calling, Ports
from console.ports import BadPolicy, PolicyProblem
from console.problems import READING, PolicyMistake, Problem
from console.routes import router
from engine.delivery import PolicyVersion

policies = router("policy")
MOST_PROBLEMS: Final = 100
VersionInPath = Annotated[str, Path(pattern=r"^(latest|[1-9][0-9]{0,8})$", description="a version, or latest")]

_DOCUMENT: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/yaml": {"schema": {"type": "string"}},
            "application/json": {"schema": {"type": "object"}},
        },
    }
}


class Version(BaseModel):
    """One version of the policy."""

    version: int
    name: Annotated[str | None, Field(description="what the policy calls itself")]
    published_at: datetime
    published_by: str


class Document(Version):
    """One version of the policy, whole."""

    policy: Annotated[dict[str, Any], Field(description="the document; docs/reference/policy.md describes it")]


class Published(BaseModel):
    """What became of a publication."""

    version: Annotated[int, Field(description="the version in force")]
    new: Annotated[bool, Field(description="false: the same policy was in force already")]


class Validated(BaseModel):
    """What is wrong with a policy."""

    valid: Annotated[bool, Field(description="whether it can be published")]
    problems: list[PolicyMistake]


@policies.get("/policy", responses=READING)
async def list_policies(api: Ports) -> list[Version]:
    """Every version that was published, the latest first."""
    found = await run_in_threadpool(api.policies.versions)
    return [Version(**_heading(each)) for each in reversed(found)]


@policies.get("/policy/{version}", responses=READING)
async def read_policy(version: VersionInPath, api: Ports) -> Document:
    """One version of the policy."""
    found = await run_in_threadpool(api.policies.versions)
    wanted = [each for each in found if version in ("latest", str(each.version))]
    if not wanted:
        raise Problem(404, "unknown_policy", f"There is no version {version} of the policy.")
    return Document(**_heading(wanted[-1]), policy=msgspec.json.decode(wanted[-1].document))


@policies.post("/policy/validate", responses=READING, openapi_extra=_DOCUMENT)
async def validate_policy(request: Request, api: Ports) -> Validated:
    """Check a policy, YAML or JSON, and say all that is wrong with it."""
    text = await _text(request)
    problems = await run_in_threadpool(api.policies.problems, text)
    return Validated(valid=not problems, problems=_mistakes(problems))


@policies.post("/policy", responses=READING, openapi_extra=_DOCUMENT)
async def publish_policy(request: Request, api: Ports, caller: Calling) -> Published:
    """Put a policy in force, YAML or JSON. The same policy once more changes nothing."""
    text = await _text(request)
    try:
        version, new = await run_in_threadpool(api.policies.publish, text, caller.subject)
    except BadPolicy as error:
        reason = f"{len(error.problems)} things are wrong with this policy; `problems` names them."
        told = [each.model_dump() for each in _mistakes(error.problems)]
        raise Problem(422, "bad_policy", reason, problems=told) from error
    return Published(version=version.version, new=new)


async def _text(request: Request) -> str:
    try:
        return (await request.body()).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Problem(422, "bad_input", "The policy is not UTF-8.", field="body") from None


def _mistakes(problems: "list[PolicyProblem] | tuple[PolicyProblem, ...]") -> list[PolicyMistake]:
    return [
        PolicyMistake(line=each.line, column=each.column, field=each.field, message=each.message)
        for each in problems[:MOST_PROBLEMS]
    ]


def _heading(version: PolicyVersion) -> dict[str, Any]:
    return {
        "version": version.version,
        "name": msgspec.json.decode(version.document).get("name"),
        "published_at": datetime.fromtimestamp(version.published_at / 1000, UTC),
        "published_by": version.published_by,
    }
