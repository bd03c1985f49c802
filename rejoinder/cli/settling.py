"""`dead-letters redrive` and `discard`: something is done about dead letters, and who did it is recorded for ever."""

import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import Annotated, Any, Final

import typer

from channels.mapping import Mapped
from engine.errors import RejoinderError
from engine.interaction.letters import DISCARDED, REDRIVEN, SettleDeadLetter
from rejoinder.cli.errors import BadInput
from rejoinder.cli.instances import running_instance
from rejoinder.cli.kafka import cluster_of, new_id, now, person
from rejoinder.cli.options import Config, Data, Json, Since, instant
from rejoinder.cli.publishing import accounts_in_force
from rejoinder.cli.terminal import print_json, print_table, tell
from rejoinder.cluster import Cluster
from rejoinder.redriving import Looking, Plan, Wanted, to_discard, to_redrive
from rejoinder.remapping import mapper
from topics.letters import Act, Letter, read, settle

SHOWN: Final = 50
LONGEST_WHY: Final = 500

Letters = Annotated[
    list[str] | None,
    typer.Argument(metavar="LETTER...", help="Which, as `list` names them: partition and offset, 3@17."),
]
All = Annotated[bool, typer.Option("--all", help="All that are open, with --code or --since only those.")]
Code = Annotated[str | None, typer.Option(help="Of all, only those that were kept for this reason.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Count by code, source and key, and change nothing.")]
Yes = Annotated[bool, typer.Option("--yes", help="Don't ask; without a terminal it is needed.")]


class NotConfirmed(RejoinderError):
    """Nothing was changed: it was not confirmed."""


def redrive(
    letters: Letters = None,
    everything: All = False,
    code: Code = None,
    since: Since = None,
    out_of_order: Annotated[
        bool, typer.Option("--out-of-order", help="Also before older ones of the same key that stay.")
    ] = False,
    again: Annotated[
        bool, typer.Option("--again", help="Also named ones that were redriven or discarded before.")
    ] = False,
    why: Annotated[str | None, typer.Option(help="A word for the log, where it is kept for ever; of nobody.")] = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    json: Json = False,
    data: Data = None,
    config: Config = None,
) -> None:
    """Put dead letters back where they came from: to be decided, mapped or posted by the code and policy of today.

    Those of one key go back in the order in which they stood, none twice. Who did it is recorded with it.

    Example: rejoinder dead-letters redrive --all --code unknown_account --dry-run
    Example: rejoinder dead-letters redrive 3@17 3@18 --why "the account was missing"
    """
    wanted = _wanted(letters or [], everything, code, since, why, again, out_of_order)
    settings, instance = running_instance(data, config)
    cluster = cluster_of(settings, instance)
    act = Act(new_id(), REDRIVEN, person(), now(), why)

    @cache  # only where there is a webhook: it needs the home secret
    def mapping() -> Callable[[bytes], Mapped]:
        return mapper(settings, accounts_in_force(cluster), act.at)

    def read_webhook(body: bytes) -> Mapped:
        return mapping()(body)

    today = Looking(cluster.catalogue, cluster.codec, read_webhook, act.at)
    _settle(cluster, act, wanted, lambda given, which: to_redrive(given, which, act.id, today), dry_run, yes, json)


def discard(
    letters: Letters = None,
    everything: All = False,
    code: Code = None,
    since: Since = None,
    why: Annotated[
        str | None, typer.Option(help="Needed: why nobody will do anything about them. Kept for ever; of nobody.")
    ] = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    json: Json = False,
    data: Data = None,
    config: Config = None,
) -> None:
    """Say that nobody will do anything about dead letters: they are listed and counted no more.

    Example: rejoinder dead-letters discard 3@17 --why "somebody's test, sent to the wrong topic"
    """
    if why is None:
        raise BadInput("say why with --why: it is kept for ever, with your name")
    wanted = _wanted(letters or [], everything, code, since, why)
    settings, instance = running_instance(data, config)
    cluster = cluster_of(settings, instance)
    act = Act(new_id(), DISCARDED, person(), now(), why)
    _settle(cluster, act, wanted, lambda given, which: to_discard(given, which, act.id), dry_run, yes, json)


def named(letter: str) -> str:
    """A letter as a person names it. Raises BadInput."""
    partition, at, offset = letter.partition("@")
    if not (at and partition.isdecimal() and offset.isdecimal()):
        raise BadInput(f"{letter!r} names no dead letter: write partition and offset, as `list` does: 3@17")
    return f"{int(partition)}@{int(offset)}"


def _wanted(
    letters: Sequence[str],
    everything: bool,
    code: str | None,
    since: str | None,
    why: str | None,
    again: bool = False,
    out_of_order: bool = False,
) -> Wanted:
    if bool(letters) == everything:
        raise BadInput("name letters as `rejoinder dead-letters list` does (3@17), or give --all; not both")
    if letters and (code is not None or since is not None):
        raise BadInput("--code and --since choose among all letters: give them with --all")
    if everything and again:
        raise BadInput("--again is for letters that are named: with --all nothing is redriven twice")
    if why is not None and not (why.isprintable() and 0 < len(why.strip()) <= LONGEST_WHY):
        raise BadInput(f"--why has to be one line of at most {LONGEST_WHY} characters")
    at = instant("--since", since)
    return Wanted(
        names=None if everything else tuple(map(named, letters)),
        code=code,
        since=None if at is None else round(at.timestamp() * 1000),
        again=again,
        out_of_order=out_of_order,
    )


def _settle(
    cluster: Cluster,
    act: Act,
    wanted: Wanted,
    planned: Callable[[list[Letter], Wanted], Plan],
    dry_run: bool,
    yes: bool,
    json: bool,
) -> None:
    plan = planned(read(cluster.broker, cluster.catalogue, cluster.codec), wanted)
    if dry_run:
        return _show_counts(act, plan, json)
    if not plan.settlements:
        return _show_done([], plan, json)
    if not yes:
        _ask(act, plan)
    # What was shown is what is done, whatever is kept in the meantime.
    names = tuple(each.letter.name for each in plan.settlements)
    fixed = Wanted(names, again=wanted.again, out_of_order=wanted.out_of_order)
    done = settle(
        cluster.broker, cluster.catalogue, cluster.codec, act, lambda letters: planned(letters, fixed).settlements
    )
    _show_done(done, plan, json)


def _ask(act: Act, plan: Plan) -> None:
    """Raises BadInput where nobody can be asked, and NotConfirmed."""
    if not is_terminal():
        raise BadInput("there is no terminal to ask at: look at it with --dry-run, and give --yes")
    _show_counts(act, plan, json=False)
    if not typer.confirm(f"{len(plan.settlements)} dead letters will be {act.outcome}. Go on?", err=True):
        raise NotConfirmed


def is_terminal() -> bool:
    """Whether somebody can be asked."""
    return sys.stdin.isatty()


def _show_counts(act: Act, plan: Plan, json: bool) -> None:
    """By code, source and key: how many letters, and how many records they are today."""
    letters: Counter[tuple[str, str, str | None, str | None]] = Counter()
    records: Counter[tuple[str, str, str | None, str | None]] = Counter()
    for letter, keys, reason in _parts(plan):
        for key, count in keys.items():
            what = letter.letter.code, letter.letter.source_topic, key, reason
            letters[what] += 1
            records[what] += count
    names = ("code", "source", "key", "why_not")
    lines = [
        {**dict(zip(names, what, strict=True)), "letters": count, "records": records[what]}
        for what, count in letters.most_common()
    ]
    if json:
        return print_json(lines)
    columns = {"code": "code", "source": "came from", "key": "key", "letters": "letters", "records": "records"}
    _print(columns | _why_not(plan), lines[:SHOWN])
    more = f" {len(lines) - SHOWN} more lines are in --json." if len(lines) > SHOWN else ""
    left = f" {len(plan.left)} can't." if plan.left else ""
    tell(f"{len(plan.settlements)} dead letters can be {act.outcome}.{left}{more} Nothing is changed yet.")


def _parts(plan: Plan) -> Iterator[tuple[Letter, Counter[str | None], str | None]]:
    """Each letter with the keys of its records, as often as there are some; and why it can't go back."""
    for each in plan.settlements:
        keys: Counter[str | None] = Counter(back.key for back in each.back)
        yield each.letter, keys or Counter({key_of(each.letter): 0}), None
    for letter, reason in plan.left:
        yield letter, Counter({key_of(letter): 0}), reason


def key_of(letter: Letter) -> str | None:
    """The key under which it stood, as text."""
    key = letter.letter.key
    return None if key is None else key.decode("utf-8", "backslashreplace")


def _show_done(done: Sequence[SettleDeadLetter], plan: Plan, json: bool) -> None:
    lines: list[dict[str, Any]] = [
        {
            "letter": f"{each.letter_partition}@{each.letter_offset}",
            "outcome": each.outcome,
            "records": len(each.put_back),
            "put_back": each.put_back,
            "why_not": None,
        }
        for each in done
    ]
    lines += [
        {"letter": each.name, "outcome": "left", "records": 0, "put_back": [], "why_not": reason}
        for each, reason in plan.left
    ]
    if json:
        return print_json(lines)
    _print({"letter": "letter", "outcome": "what became of it", "records": "records"} | _why_not(plan), lines)
    if not done:
        return tell("There is nothing to do." if not plan.left else "None of them can go back.")
    count = sum(len(each.put_back) for each in done)
    back = f", as {count} records; one that fails again is a new dead letter" if done[0].outcome == REDRIVEN else ""
    tell(f"{len(done)} dead letters are {done[0].outcome}{back}.")


def _why_not(plan: Plan) -> dict[str, str]:
    return {"why_not": "why not"} if plan.left else {}


def _print(columns: Mapping[str, str], lines: Sequence[Mapping[str, Any]]) -> None:
    print_table(tuple(columns.values()), [[line[name] for name in columns] for line in lines])
