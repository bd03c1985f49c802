"""What came of a play, from the projections: the same questions that an analyst would ask."""

from dataclasses import asdict
from typing import Any, Final

import psycopg

from projections.queries import lists, measures
from rejoinder import lags
from rejoinder.cluster import Cluster
from rejoinder.play.player import Player
from rejoinder.play.traffic import Traffic

PATIENCE: Final = 60.0


def summarise(dsn: str, cluster: Cluster, traffic: Traffic, player: Player, seconds: float) -> dict[str, Any]:
    """The summary as one object. `unaccounted` names every message of which it is not known what became of it."""
    played = player.played
    decided = lags.wait_for_processors(cluster, PATIENCE)  # what the last moment led to, too
    with psycopg.connect(dsn, autocommit=True) as connection:
        caught_up = lags.wait_for_projections(cluster, connection, PATIENCE, lambda behind: None)
        total = measures.summary(connection)
        channels = measures.by_channel(connection)
        behind = [asdict(lag) for lag in (*lags.processors(cluster), *lags.projections(cluster, connection))]
        sample = _longest(connection)
    unaccounted = [f"post {item}" for item in played.lost_posts]
    unaccounted += [f"answer {tweet}" for tweet in played.failed]
    if not decided:
        unaccounted.append("what the processors have not decided")
    if not caught_up:
        unaccounted.append("what the projections have not read")
    if total.replies_pending:
        unaccounted.append(f"{total.replies_pending} answers of which it is not known what came")
    if total.chain_faults:
        unaccounted.append(f"{total.chain_faults} events whose chain does not hold")
    return {
        "contacts": total.contacts,
        "interactions": total.interactions,
        "interactions_by_state": total.interactions_by_state,
        "inbound_messages": total.inbound_messages,
        "duplicates_ignored": played.duplicates,
        "replies_posted": total.replies_posted,
        "replies_refused": len(played.refused),
        "replies_refused_by_reason": _counts(played.refused),
        "replies_unmatched": len(traffic.unmatched),
        "unmatched": [line.tweet_id or line.at for line in traffic.unmatched],
        "notices_posted": total.notices_posted,
        "answers_automatic": total.answers_automatic,
        "by_channel": {each.channel: _counted(each) for each in channels},
        "dead_letters": player.buried,
        "first_response_seconds": asdict(total.first_response_seconds),
        "events": total.events,
        "seconds": round(seconds, 2),
        "lines_per_second": round(played.done / seconds, 1),
        "lag": behind,
        "unaccounted": unaccounted,
        "sample": sample,
    }


def _counted(channel: measures.ChannelSummary) -> dict[str, int]:
    return {name: count for name, count in asdict(channel).items() if name != "channel"}


def _counts(reasons: dict[str, str]) -> dict[str, int]:
    codes = sorted(set(reasons.values()))
    return {code: sum(1 for each in reasons.values() if each == code) for code in codes}


def _longest(connection: "psycopg.Connection[Any]") -> dict[str, str] | None:
    """An interaction with much to see, of somebody with a handle if there is one: for the commands to try next."""
    found = lists.interactions(connection, limit=1000)
    if not found:
        return None
    line = max(
        found,
        key=lambda each: (each.customer.startswith("@"), each.messages_in + each.messages_out, each.interaction_id),
    )
    return {"interaction_id": line.interaction_id, "customer": line.customer, "account": line.account}
