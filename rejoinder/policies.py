"""Puts a policy in force, for whoever was asked to: the command line, the API or the demo."""

from engine.delivery import PolicyVersion
from engine.policy.document import Policy
from rejoinder.cluster import Cluster, wall_clock
from topics import policies


def publish_policy(cluster: Cluster, policy: Policy, by: str, at: int | None = None) -> tuple[PolicyVersion, bool]:
    """Publishes a policy unless it is the latest already. Gives the version in force, and whether it is new.

    Args:
        at: when, in recorded time; else now.
    """
    when = wall_clock() if at is None else at
    return policies.publish(cluster.broker, cluster.catalogue, cluster.codec, policy, when, by)
