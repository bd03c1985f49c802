"""The emergency of an account: what arrives is held back, and its customers are told."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field

from console.commanding import Asking, Command_, Ports, decided
from console.fields import AccountInPath
from console.ports import Api, Asked
from console.problems import COMMANDING, READING, Problem
from console.routes import router
from engine.envelope import control_key, derive
from engine.interaction.commands import ActivateEmergency, EndEmergency
from projections.queries import desk

emergencies = router("emergencies")
PATH = "/accounts/{account}/emergency"


class Emergency(BaseModel):
    """Whether an account has an emergency."""

    account: Annotated[str, Field(description="channel and platform id of the account")]
    emergency: Annotated[bool, Field(description="whether there is one now")]
    since: Annotated[datetime | None, Field(description="since when it is so; null where there never was one")]
    by: Annotated[str | None, Field(description="who said so")]


class Switched(BaseModel):
    """What became of beginning or ending an emergency."""

    account: Annotated[str, Field(description="channel and platform id of the account")]
    emergency: Annotated[bool, Field(description="whether there is one now")]
    outcome: Annotated[str, Field(description="accepted, or duplicate: it was so already")]


@emergencies.get(PATH, responses=READING)
async def read_emergency(account: AccountInPath, api: Ports) -> Emergency:
    """Whether an account has an emergency, as the log last said."""
    _check(api, account)
    found = await api.reads.read(lambda connection: desk.emergency(connection, account))
    if found is None:
        return Emergency(account=account, emergency=False, since=None, by=None)
    return Emergency(account=account, emergency=found.begins, since=found.at, by=found.by)


@emergencies.put(PATH, responses=COMMANDING)
async def begin_emergency(account: AccountInPath, asking: Command_) -> Switched:
    """Begin an emergency: new messages get the account's emergency notice, and may be held back."""
    return await _switch(asking, account, ActivateEmergency)


@emergencies.delete(PATH, responses=COMMANDING)
async def end_emergency(account: AccountInPath, asking: Command_) -> Switched:
    """End an emergency: what was held back goes on."""
    return await _switch(asking, account, EndEmergency)


async def _switch(asking: Asking, account: str, kind: type[ActivateEmergency] | type[EndEmergency]) -> Switched:
    """Tells every partition. The closure is named after the correlation, which a repeat has too."""
    _check(asking.api, account)
    together = derive(asking.claim("interaction.commands", account), "emergency")
    keys = [control_key(partition) for partition in range(asking.api.engine.partitions)]
    commands = [
        kind(**asking.common("interaction.commands", key), correlation_id=together, account=account) for key in keys
    ]
    results = await asking.all(
        [Asked("interaction.commands", key, command) for key, command in zip(keys, commands, strict=True)]
    )
    outcomes = {decided(result).outcome for result in results}
    return Switched(
        account=account,
        emergency=kind is ActivateEmergency,
        outcome="accepted" if "accepted" in outcomes else "duplicate",
    )


def _check(api: Api, account: str) -> None:
    if account not in {f"{each.channel}:{each.id}" for each in api.policies.accounts()}:
        raise Problem(404, "unknown_account", f"The policy has no account {account}.")
