"""`topics`: Kafka's topics as they are, and as they should be."""

from typing import Annotated, Any

import typer

from rejoinder.cli.errors import NotFound
from rejoinder.cli.instances import running_instance, settings_for
from rejoinder.cli.options import Config, Data, Json, group
from rejoinder.cli.terminal import print_json, print_table, tell
from rejoinder.cluster import catalogue_of
from rejoinder.deployment import deploy
from rejoinder.settings import Settings
from topics.admin import Difference, Kind, Topics

app = group("Hold Kafka's topics against what they should be.")
HARMLESS = (Kind.EXTRA_CONFIG,)


@app.command("list")
def list_topics(json: Json = False, data: Data = None, config: Config = None) -> None:
    """List the topics, what each holds, and in what it differs from what it should be. Ends with 1 if one does.

    Example: rejoinder topics list
    """
    settings, bootstrap = _kafka(data, config)
    topics = Topics(bootstrap, catalogue_of(settings))
    listed, differences = topics.listing(), topics.plan()
    if json:
        print_json(
            {
                "topic": each.topic.name,
                "key": each.topic.key,
                "holds": each.topic.holds,
                "partitions": each.partitions,
                "replication": each.replication,
                "config": each.topic.config,
                "differences": [_told(difference) for difference in differences if difference.topic == each.topic.name],
            }
            for each in listed
        )
    else:
        print_table(
            ("topic", "partitions", "copies", "key", "holds"),
            [(each.topic.name, each.partitions, each.replication, each.topic.key, each.topic.holds) for each in listed],
        )
    _end(differences)


@app.command()
def apply(
    configs: Annotated[bool, typer.Option("--configs", help="Also set what is configured otherwise.")] = False,
    json: Json = False,
    data: Data = None,
    config: Config = None,
) -> None:
    """Create the topics that are missing, and register the schemas. Nothing is ever deleted or grown.

    Works on the running instance's Kafka or, without one, on the outside one that kafka.bootstrap names.

    Example: rejoinder topics apply --configs
    """
    settings, bootstrap = _kafka(data, config)
    _, differences = deploy(settings, bootstrap, configs=configs)
    if json:
        print_json(_told(each) for each in differences)
    elif not differences:
        print("All topics and schemas are as they should be.")
    _end(differences)


def _kafka(data: Data, config: Config) -> tuple[Settings, str]:
    """The settings, and the Kafka of the running instance, or the outside one of the settings."""
    try:
        settings, instance = running_instance(data, config)
    except NotFound:
        settings = settings_for(data, config)
        if settings.kafka.bootstrap is None:
            raise
        return settings, settings.kafka.bootstrap
    return settings, instance.bootstrap


def _told(difference: Difference) -> dict[str, Any]:
    return {
        "topic": difference.topic,
        "kind": difference.kind.value,
        "setting": difference.setting,
        "wanted": difference.wanted,
        "found": difference.found,
        "mend": difference.mend,
    }


def _end(differences: list[Difference]) -> None:
    for each in differences:
        tell(f"rejoinder: {each}")
    if any(each.kind not in HARMLESS for each in differences):
        raise typer.Exit(1)
