"""The peers on the same input as the engine: quixstreams, if it was not measured beside the engine, and Faust."""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import count

from bench.measure import Measure, Timing, of_runs
from bench.peer_run import FAUST, FAUST_EXACTLY_ONCE, QUIX, Peer, run_peer, versions
from bench.rounds import in_rounds
from bench.run import Run
from bench.stage import stage

ENGINE = "engine_events"
SHARE = 20
"""They get a part of the messages: a rate is what is told, and Faust is slow."""


def measure(run: Run) -> Iterator[Measure]:
    """Each peer `rounds` times; told against the engine, if that was measured in the same run."""
    peers = [peer for peer in (QUIX, FAUST, FAUST_EXACTLY_ONCE) if peer.name not in run.found]
    numbers = count()
    staged = stage(run.services.bootstrap, "k.", max(1, run.sizes.messages // SHARE))

    def side(peer: Peer) -> Timing:
        return run_peer(peer, staged, next(numbers), run.environments, run.services.folder.logs)

    sides: dict[str, Callable[[], Timing]] = {peer.name: partial(side, peer) for peer in peers}
    result = in_rounds(sides, run.sizes.rounds)
    expected, engine = staged.expected, run.found.get(ENGINE)
    shared = {"commands": expected.commands, "events": expected.events, "records_written": expected.written}
    for peer in (each for each in peers if result.complete(each.name)):
        told = of_runs(
            peer.name, result.found[peer.name], shared | {"versions": versions(peer), "guarantee": peer.guarantee}
        )
        ratio = None if engine is None else round(told.value / engine, 3)
        yield Measure(told.name, told.value, told.unit, ratio, None if engine is None else ENGINE, told.detail)
    result.raise_failures()
