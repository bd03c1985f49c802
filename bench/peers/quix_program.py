"""quixstreams: exactly once, a counter a key in its state in RocksDB with a changelog, two topics written."""

from typing import Any

from quixstreams import Application, State
from quixstreams.models import Topic

from bench.peers.job import Job

BATCH = 5_000
"""Messages in a transaction. Its own default is 5 seconds."""


def main() -> None:
    job = Job.of_arguments()
    asked = job.asked
    left = asked["records"]

    def processed(topic: str, partition: int, offset: int) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            app.stop()  # commits what is under way

    app = Application(
        broker_address=asked["bootstrap"],
        consumer_group=asked["group"],
        auto_offset_reset="earliest",
        processing_guarantee="exactly-once",
        commit_every=BATCH,
        state_dir=asked["folder"],
        producer_extra_config={"compression.type": "lz4"},
        on_message_processed=processed,
        loglevel="WARNING",
    )
    kept: dict[str, Any] = {"key_serializer": "str", "value_serializer": "bytes"}
    targets: dict[str, Topic] = {name: app.topic(asked["topics"][name], **kept) for name in ("event", "words")}
    commands = app.topic(asked["topics"]["commands"], key_deserializer="str", value_deserializer="bytes")

    def decide(value: bytes, key: str, timestamp: int, headers: Any, state: State) -> list[tuple[str, bytes]]:
        sequence = state.get("count", 0) + 1
        state.set("count", sequence)
        return job.outputs(job.decode(value), key, sequence)

    frame = app.dataframe(commands).apply(decide, stateful=True, expand=True, metadata=True)
    for name, topic in targets.items():
        chosen = frame[frame.apply(lambda made, name=name: made[0] == name)]
        chosen.apply(lambda made: made[1]).to_topic(topic)
    app.run()


if __name__ == "__main__":
    main()
