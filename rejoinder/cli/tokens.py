"""`token`: who may use the HTTP API."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, Final

import typer
from msgspec.structs import replace

from console import access, tokens
from engine.delivery import AccessToken
from engine.policy.rules import duration
from rejoinder.cli.errors import BadInput, NotFound
from rejoinder.cli.instances import running_instance
from rejoinder.cli.kafka import cluster_of, now, person
from rejoinder.cli.options import Config, Data, Json, group
from rejoinder.cli.terminal import print_json, print_table, tell
from rejoinder.cluster import Cluster
from topics import tokens as log

app = group("Make, list and revoke the tokens of the HTTP API.")
LONGEST_SUBJECT: Final = 100
LONGEST_LIFE: Final = duration("3650d")


class Role(StrEnum):
    """What a token may do: console.access.ROLES."""

    agent = access.AGENT
    supervisor = access.SUPERVISOR
    analyst = access.ANALYST
    auditor = access.AUDITOR
    engineer = access.ENGINEER


@app.command()
def create(
    role: Annotated[Role, typer.Option(help="What it may do; docs/how-to/use-the-api.md has the table.")],
    subject: Annotated[str, typer.Option(help="Who uses it; for an agent the agent's name.")],
    expires: Annotated[str, typer.Option(help="For how long it holds: 12h, 30d; never: until it is revoked.")] = "90d",
    json: Json = False,
    data: Data = None,
    config: Config = None,
) -> None:
    """Make a token, and show it. It is shown this once only.

    Example: rejoinder token create --role agent --subject kim --expires 30d
    """
    made_at = now()
    expires_at = None if expires == "never" else made_at + _duration(expires)
    token, text = tokens.make(role.value, _checked(subject), made_at, person(), expires_at)
    _write(_cluster(data, config), token)
    if json:
        return print_json([{**_line(token, made_at), "token": text}])
    print(text)
    until = "until it is revoked" if expires_at is None else f"until {_moment(expires_at):%Y-%m-%d %H:%M} UTC"
    tell(f"The token {token.token_id} of {subject} ({role.value}) holds {until}. Keep it: it is not shown again.")


@app.command("list")
def list_tokens(json: Json = False, data: Data = None, config: Config = None) -> None:
    """List the tokens that were made. Their secrets are not known to anybody but those who have them.

    Example: rejoinder token list
    """
    cluster, at = _cluster(data, config), now()
    found = [_line(each, at) for each in log.tokens(cluster.broker, cluster.catalogue, cluster.codec)]
    if json:
        return print_json(found)
    print_table(
        ("token", "role", "subject", "made (UTC)", "by", "ends (UTC)", "holds"), [list(x.values()) for x in found]
    )
    if not found:
        tell("No token was made yet: see `rejoinder token create --help`.")


@app.command()
def revoke(
    token: Annotated[str, typer.Argument(metavar="TOKEN", help="The token's id, as the list has it.")],
    json: Json = False,
    data: Data = None,
    config: Config = None,
) -> None:
    """End a token. Running processes know it in a moment.

    Example: rejoinder token revoke 5f2b8c1de09a4471
    """
    cluster, at = _cluster(data, config), now()
    known = {each.token_id: each for each in log.tokens(cluster.broker, cluster.catalogue, cluster.codec)}
    found = known.get(token)
    if found is None:
        raise NotFound("there is no token with this id: `rejoinder token list` has the ids; the secret is not the id")
    if found.revoked_at is None:
        found = replace(found, revoked_at=at)
        _write(cluster, found)
    if json:
        return print_json([_line(found, at)])
    print(f"The token {found.token_id} of {found.subject} holds no more.")


def _cluster(data: Data, config: Config) -> Cluster:
    return cluster_of(*running_instance(data, config))


def _write(cluster: Cluster, token: AccessToken) -> None:
    with cluster.publisher("command-line") as publisher:
        log.write(publisher, cluster.catalogue, token)


def _checked(subject: str) -> str:
    if (
        not 0 < len(subject) <= LONGEST_SUBJECT
        or not subject.isprintable()
        or subject != subject.strip()
        or "/" in subject
    ):
        raise BadInput(
            f"--subject has to be a name of at most {LONGEST_SUBJECT} characters, without control characters, "
            "slashes, and spaces at its ends"
        )
    return subject


def _duration(text: str) -> int:
    try:
        millis = duration(text)
    except ValueError as error:
        raise BadInput(f"--expires: {error}; or never") from error
    if not 0 < millis <= LONGEST_LIFE:
        raise BadInput("--expires: it has to be above zero and at most 3650d, or never")
    return millis


def _line(token: AccessToken, at: int) -> dict[str, Any]:
    return {
        "token_id": token.token_id,
        "role": token.role,
        "subject": token.subject,
        "created_at": _moment(token.created_at),
        "created_by": token.created_by,
        "expires_at": None if token.expires_at is None else _moment(token.expires_at),
        "holds": tokens.holds(token, at),
    }


def _moment(millis: int) -> datetime:
    return datetime.fromtimestamp(millis / 1000, UTC)
