"""The policies of a running instance."""

from engine.delivery import PolicyVersion
from engine.policy.document import Account, Policy
from engine.policy.rules import load
from rejoinder.cli.instances import running_instance
from rejoinder.cli.kafka import cluster_of, person
from rejoinder.cli.options import Config, Data
from rejoinder.cluster import Cluster
from rejoinder.policies import publish_policy
from topics import policies


def published(data: Data, config: Config) -> list[PolicyVersion]:
    """Every version, oldest first."""
    settings, instance = running_instance(data, config)
    cluster = cluster_of(settings, instance)
    return policies.versions(cluster.broker, cluster.catalogue, cluster.codec)


def accounts_in_force(cluster: Cluster) -> tuple[Account, ...]:
    """The accounts of the latest version; none before the first."""
    versions = policies.versions(cluster.broker, cluster.catalogue, cluster.codec)
    return load(versions[-1].version, versions[-1].document).policy.accounts if versions else ()


def publish(policy: Policy, by: str | None, data: Data, config: Config) -> tuple[PolicyVersion, bool]:
    """Publishes a policy unless it is the latest already. Gives the version in force, and whether it is new."""
    settings, instance = running_instance(data, config)
    return publish_policy(cluster_of(settings, instance), policy, by or person())
