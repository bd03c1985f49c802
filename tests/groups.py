"""Which member of a consumer group has how much."""

from confluent_kafka.admin import AdminClient

from topics import clients


def shares(bootstrap: str, group: str) -> dict[str, int]:
    """How many partitions each static member of a group has; none while the group is in the middle of a change."""
    admin = AdminClient(clients.admin(bootstrap))  # has to live until it has answered
    (answer,) = admin.describe_consumer_groups([group], request_timeout=clients.ASK_TIMEOUT).values()
    members = answer.result(timeout=clients.ASK_TIMEOUT).members
    return {
        each.group_instance_id: len(each.assignment.topic_partitions if each.assignment else []) for each in members
    }
