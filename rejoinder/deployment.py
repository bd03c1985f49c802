"""Brings a cluster to what this version needs: topics, schemas, and a first policy."""

from engine.errors import RejoinderError
from engine.policy.document import Policy
from rejoinder.cluster import Cluster, catalogue_of, connect, registry_of
from rejoinder.policies import publish_policy
from rejoinder.settings import Settings
from schemas import files
from topics.admin import Difference, Kind, Topics


class WrongTopics(RejoinderError):
    """The topics are not as the settings want them."""


def deploy(settings: Settings, bootstrap: str, *, configs: bool = False) -> tuple[Cluster, list[Difference]]:
    """Creates the topics that are missing and registers the schemas. Gives what still differs.

    Raises:
        WrongTopics: a topic has another number of partitions; nothing may be written then.
        Incompatible: a schema may not follow the versions that are registered.
    """
    differences = Topics(bootstrap, catalogue_of(settings)).apply(configs)
    wrong = [each for each in differences if each.kind in (Kind.FAMILY, Kind.PARTITIONS)]
    if wrong:
        raise WrongTopics("; ".join(map(str, wrong)))
    registry_of(settings, bootstrap).register(files.current())
    return connect(settings, bootstrap), differences


def ensure_policy(cluster: Cluster, policy: Policy, at: int | None = None) -> int:
    """Publishes the policy if there is none, or if it is another than the latest. Gives the version in force."""
    version, _ = publish_policy(cluster, policy, "rejoinder", at)
    return version.version
