"""What still lies in files after it was erased."""

import secrets
from collections.abc import Iterable
from pathlib import Path
from string import ascii_letters

from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType


def secret_word() -> str:
    """A word that stands nowhere else, and that no compression shortens: no four letters of it are likely to repeat."""
    return "".join(secrets.choice(ascii_letters) for _ in range(24))


def files_with(word: str, folder: Path, *, but: Iterable[str] = ()) -> list[str]:
    """The files below a folder that hold a word, whatever their format. Those that vanish meanwhile don't count.

    Args:
        but: names of files that are not ours.
    """
    found = []
    for path in sorted(folder.rglob("*")):
        try:
            if path.is_file() and path.name not in but and word.encode() in path.read_bytes():
                found.append(str(path.relative_to(folder)))
        except FileNotFoundError:
            continue
    return found


def configure(bootstrap: str, topics: Iterable[str], **settings: str | int) -> None:
    """Sets a topic's configuration; underscores stand for dots. Of no topics: that of broker 1, until it ends."""
    named = list(topics)
    resources = [(ResourceType.TOPIC, name) for name in named] or [(ResourceType.BROKER, "1")]
    wanted = [
        ConfigResource(
            kind,
            name,
            incremental_configs=[
                ConfigEntry(setting.replace("_", "."), str(value), incremental_operation=AlterConfigOpType.SET)
                for setting, value in settings.items()
            ],
        )
        for kind, name in resources
    ]
    admin = AdminClient({"bootstrap.servers": bootstrap})
    for answer in admin.incremental_alter_configs(wanted).values():
        answer.result(10)
