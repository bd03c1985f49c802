"""`run projector`: keeps the projections in PostgreSQL up to date."""

import gc
import threading
from datetime import timedelta

from engine.record import COLLECT_AFTER
from projections.catalogue import PROJECTIONS
from projections.projector import Projector
from projections.projector import Settings as ProjectorSettings
from rejoinder.cluster import connect
from rejoinder.instance import report_ready
from rejoinder.observing.program import Seen, observed
from rejoinder.observing.projecting import ProjectorObserver
from rejoinder.programs import bootstrap_of, until_told
from rejoinder.sections import SettingsError
from rejoinder.settings import Settings
from rejoinder.sweeping import keep_sweeping


def run(settings: Settings, worker: str = "1") -> None:
    """Works until told to stop."""
    stop = until_told()
    with observed(settings, "projector", worker) as seen:
        _project(settings, worker, seen, stop)


def _project(settings: Settings, worker: str, seen: Seen, stop: threading.Event) -> None:
    cluster = connect(settings, bootstrap_of(settings))
    if settings.postgres.dsn is None:
        raise SettingsError("a projector needs postgres.dsn; `rejoinder up` starts programs and tells them")
    dsn = settings.postgres.dsn.get_secret_value()
    places = ProjectorSettings(
        cluster.bootstrap,
        dsn,
        prefix=settings.topics.prefix,
        instance=f"projector-{worker}",
        traced=seen.spans is not None,
    )
    gc.set_threshold(COLLECT_AFTER)
    projector = Projector(PROJECTIONS, cluster.codec, places, observer=ProjectorObserver(seen.health, seen.spans))
    every = timedelta(hours=settings.erasure.hours)
    sweeper = threading.Thread(target=keep_sweeping, args=(cluster, dsn, every, stop), name="sweep", daemon=True)
    seen.health.started()
    report_ready()
    sweeper.start()
    projector.run(stop)
