"""The kinds of text that requests carry, each with its limits."""

from typing import Annotated, Final

from fastapi import Path, Query
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

LONGEST_TEXT: Final = 25_000
"""As the decider has it: beyond it nobody counts how a platform weighs the characters."""
LONGEST_NOTE: Final = 5_000
LONGEST_NAME: Final = 100
LARGEST_PAGE: Final = 200

_NAME: Final = r"^[^\x00-\x20/\x7f][^\x00-\x1f/\x7f]*$"
_WORD: Final = r"^[!-~]+$"


def encodable(text: str) -> str:
    """Half of a pair of surrogates is no character: it can't be written in UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("has half of a character; write it in UTF-8") from None
    return text


def no_nul(text: str) -> str:
    """PostgreSQL's text has none."""
    if "\x00" in text:
        raise ValueError("has a NUL")
    return text


Text = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_TEXT), AfterValidator(encodable)]
Note = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_NOTE), AfterValidator(encodable)]
Name = Annotated[str, StringConstraints(pattern=_NAME, max_length=LONGEST_NAME), AfterValidator(encodable)]
Item = Annotated[str, StringConstraints(pattern=_WORD, max_length=300)]
PlatformId = Annotated[str, StringConstraints(pattern=_WORD, max_length=LONGEST_NAME)]
Language = Annotated[str, StringConstraints(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$")]
Home = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
InteractionId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}\.[1-9][0-9]{0,8}$")]
AccountKey = Annotated[str, StringConstraints(pattern=r"^(x|facebook|messenger):[!-.0-~]{1,100}$")]
Search = Annotated[
    str, StringConstraints(min_length=1, max_length=LONGEST_NAME), AfterValidator(encodable), AfterValidator(no_nul)
]
Cursor = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,300}$")]

AgentInPath = Annotated[Name, Path(description="the agent's name")]
PoolInPath = Annotated[Name, Path(description="the pool to which the agent belongs")]
InteractionInPath = Annotated[InteractionId, Path(description="the interaction's id")]
ContactInPath = Annotated[Home, Path(description="the contact's id")]
AccountInPath = Annotated[AccountKey, Path(description="channel and platform id of the account: x:42")]
Limit = Annotated[int, Query(ge=1, le=LARGEST_PAGE, description="how many at most")]
After = Annotated[Cursor | None, Query(description="goes on after a page: its `next`")]


class Body(BaseModel):
    """What a request says. Fields that nobody knows are refused, so that a misspelt one is not ignored."""

    model_config = ConfigDict(extra="forbid", strict=True)


class ByAgent(Body):
    """What an agent does, or a supervisor for one."""

    agent: Annotated[Name | None, Field(description="for which agent; only a supervisor names another than itself")] = (
        None
    )
