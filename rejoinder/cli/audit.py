"""`audit`: proof that the log is as it was written."""

from pathlib import Path
from typing import Annotated, Any, Final

import typer

from projections.queries.bundles import events_around, words_of
from rejoinder.auditing import Checked, writers
from rejoinder.auditing import verify as verify_log
from rejoinder.cli.errors import BadInput, NotFound
from rejoinder.cli.instances import reading, running_instance
from rejoinder.cli.kafka import cluster_of, now, person
from rejoinder.cli.keys import Keys, read_keys
from rejoinder.cli.noting import note
from rejoinder.cli.options import Config, Data, Json, group
from rejoinder.cli.reads import Tampered, reads
from rejoinder.cli.terminal import print_json, print_table, tell
from rejoinder.cluster import Cluster
from rejoinder.exporting import EXPORTER, bundle, signed
from rejoinder.files import write_atomically
from rejoinder.noting import READS
from rejoinder.progress import step
from rejoinder.secrets import audit_secret
from rejoinder.settings import Settings
from rejoinder.signing import WriterKey, public_keys
from topics.catalogue import INTERACTION_EVENTS

SHOWN: Final = 20

app = group("Prove from the log alone that nothing in it was changed, removed, reordered or put in.")


@app.command()
def keys(json: Json = False, data: Data = None, config: Config = None) -> None:
    """Print the public keys of all who write events. Give them to the auditor by another way than through the log.

    Example: rejoinder audit keys --json > keys.jsonl
    """
    settings, instance = running_instance(data, config)
    found = _derived(settings, cluster_of(settings, instance), EXPORTER, READS)
    if json:
        return print_json({"writer": writer, "key": key.hex()} for writer, key in found.items())
    print_table(("writer", "key"), [(writer, key.hex()) for writer, key in found.items()])


@app.command()
def verify(file: Keys = None, json: Json = False, data: Data = None, config: Config = None) -> None:
    """Read the whole log, and hold each event against the one before it and against its writer's seal.

    Ends with 1 if anything is not as it was written, and names the first that is not.

    Example: rejoinder audit verify --keys keys.jsonl
    """
    settings, instance = running_instance(data, config)
    cluster = cluster_of(settings, instance)
    trusted = _derived(settings, cluster) if file is None else read_keys(file)
    with step("Reading the log") as progress:
        checked = verify_log(cluster, trusted, lambda events: progress.update(f"{events:,} events"))
    if json:
        print_json([_told(checked)])
    else:
        _show(checked)
    if checked.faults:
        first = checked.faults[0]
        raise Tampered(
            f"the log is not what was written: {first.topic}[{first.partition}]@{first.offset}: {first.reason}"
        )


@app.command()
def export(
    interaction: Annotated[str, typer.Argument(metavar="INTERACTION", help="Its id.")],
    to: Annotated[Path, typer.Option("--to", help="The file to write.")],
    words: Annotated[
        bool, typer.Option("--words", help="With the words that were written, as far as not erased.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace the file, if there is one.")] = False,
    data: Data = None,
    config: Config = None,
) -> None:
    """Write an interaction as a bundle that proves itself: bin/verify_bundle.py checks it far from here.

    It holds the interaction's events and those between them on its key, and how each is under its writer's seal.

    Example: rejoinder audit export 6bd1bc1ca1bcf7cba6b4fb7ab84e45a3.1 --to bundle.jsonl
    """
    if to.exists() and not force:
        raise BadInput(f"{to} is there already: name another file, or give --force")
    settings, instance = running_instance(data, config)
    with reading(instance) as connection:
        stands = events_around(connection, interaction)
        kept = words_of(connection, interaction) if words else []
    if not stands:
        raise NotFound(f"no interaction is known as {interaction!r}: `rejoinder interactions` lists them")
    cluster, secret = cluster_of(settings, instance), audit_secret(settings)
    if words:
        shown = [interaction]
        note(settings, instance, "audit export", interactions=shown, lines=len(kept), cluster=cluster)
    about = {"interaction_id": interaction, "exported_at": now(), "exported_by": person()}
    with step(f"Exporting interaction {interaction}"):
        content = bundle(cluster, _derived(settings, cluster), INTERACTION_EVENTS, stands, about)
        content["words"] = [
            {"content_id": each.content_id, "text": each.as_written, "salt": each.salt.hex()} for each in kept
        ]
        _write(to, signed(content, WriterKey(secret, EXPORTER)))
    tell(f"{len(stands)} events under {len(content['seals'])} seals. To check: bin/verify_bundle.py {to} KEYS")


app.command()(reads)


def _write(file: Path, text: str) -> None:
    """Raises BadInput."""
    try:
        write_atomically(file, text)
    except OSError as error:
        raise BadInput(f"{file} can't be written: {error.strerror}") from error


def _derived(settings: Settings, cluster: Cluster, *more: str) -> dict[str, bytes]:
    return public_keys(audit_secret(settings), [*sorted(writers(cluster)), *more])


def _told(checked: Checked) -> dict[str, Any]:
    return {
        "events": checked.events,
        "seals": checked.seals,
        "faults": checked.faults,
        "heads": {
            writer: {"number": head.number, "digest": head.digest.hex()} for writer, head in checked.heads.items()
        },
    }


def _show(checked: Checked) -> None:
    if checked.faults:
        print_table(
            ("where", "key", "what"),
            [
                (f"{each.topic}[{each.partition}]@{each.offset}", each.key, each.reason)
                for each in checked.faults[:SHOWN]
            ],
        )
        tell(f"{min(SHOWN, len(checked.faults))} of {len(checked.faults)} faults")
        return
    print_table(
        ("writer", "seals", "last"),
        [(writer, head.number, head.digest.hex()) for writer, head in sorted(checked.heads.items())],
    )
    tell(f"{checked.events} events under {checked.seals} seals: each is as it was written, and none is missing")
