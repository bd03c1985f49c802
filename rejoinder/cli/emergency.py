"""`emergency`: what arrives for an account is held back, and its customers are told."""

from typing import Annotated

import typer

from engine.envelope import control_key
from engine.interaction.commands import ActivateEmergency, EndEmergency
from rejoinder.cli.errors import BadInput
from rejoinder.cli.instances import running_instance
from rejoinder.cli.kafka import accepted, ask, cluster_of, new_id, now, person
from rejoinder.cli.options import Config, Data, Json, group
from rejoinder.cli.publishing import accounts_in_force
from rejoinder.cli.terminal import print_json
from rejoinder.cluster import Cluster
from topics.catalogue import INTERACTION_COMMANDS

app = group("Begin and end the emergency of an account.")
Account = Annotated[str, typer.Argument(help="The account: its id, its handle, or channel and id as x:42.")]


@app.command()
def on(account: Account, json: Json = False, data: Data = None, config: Config = None) -> None:
    """Begin an emergency: new messages get the account's emergency notice; what waits is not told.

    Example: rejoinder emergency on x:42
    """
    _switch(ActivateEmergency, account, json, data, config)


@app.command()
def off(account: Account, json: Json = False, data: Data = None, config: Config = None) -> None:
    """End an emergency: what was held back goes on.

    Example: rejoinder emergency off x:42
    """
    _switch(EndEmergency, account, json, data, config)


def _switch(
    kind: type[ActivateEmergency] | type[EndEmergency], name: str, json: bool, data: Data, config: Config
) -> None:
    settings, instance = running_instance(data, config)
    cluster = cluster_of(settings, instance)
    account = find_account(cluster, name)
    correlation_id = new_id()
    commands = [
        kind(
            command_id=new_id(),
            at=now(),
            actor_kind="supervisor",
            actor_id=person(),
            correlation_id=correlation_id,
            account=account,
        )
        for _ in range(cluster.catalogue.topic(INTERACTION_COMMANDS).partitions)
    ]
    asked = [(INTERACTION_COMMANDS, control_key(partition), command) for partition, command in enumerate(commands)]
    results = [accepted(result) for result in ask(cluster, asked)]
    changed = any(result.outcome == "accepted" for result in results)
    begins = kind is ActivateEmergency
    if json:
        return print_json(
            [{"account": account, "emergency": begins, "changed": changed, "correlation_id": correlation_id}]
        )
    print(f"The emergency of {account} {'holds' if begins else 'is over'}{'' if changed else ' already'}.")


def find_account(cluster: Cluster, name: str) -> str:
    """The account of the policy that a person names, as channel:id.

    Raises:
        BadInput: the policy in force has no such account, or several; those that there are are named.
    """
    known = {f"{account.channel}:{account.id}": account for account in accounts_in_force(cluster)}
    if not known:
        raise BadInput("no policy was published yet, so there is no account: see `rejoinder policy publish --help`")
    found = [key for key, account in known.items() if name.removeprefix("@") in (key, account.id, account.handle)]
    if len(found) == 1:
        return found[0]
    shown = ", ".join(f"{key} (@{account.handle})" for key, account in known.items())
    raise BadInput(f"{name!r} is {'more than one' if found else 'no'} account of the policy: there are {shown}")
