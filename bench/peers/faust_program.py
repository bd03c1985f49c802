"""Faust: a counter a key in a table with a changelog, two topics written; at least once, or exactly once if asked."""

import sys

import faust

from bench.peers.job import Job


def main() -> None:
    job = Job.of_arguments()
    asked = job.asked
    app = faust.App(
        asked["group"],
        broker=f"kafka://{asked['bootstrap']}",
        datadir=asked["folder"],
        topic_partitions=asked["partitions"],
        processing_guarantee=asked["guarantee"],
        producer_linger=0.005,
        web_enabled=False,
    )
    raw = {"key_type": bytes, "value_type": bytes, "key_serializer": "raw", "value_serializer": "raw"}
    commands, event, words = (app.topic(asked["topics"][name], **raw) for name in ("commands", "event", "words"))
    targets = {"event": event, "words": words}
    counts = app.Table("counts", default=int)

    @app.agent(commands)
    async def decide(stream: faust.Stream) -> None:
        async for arrived in stream.events():
            key = arrived.key.decode()
            sequence = counts[key] = counts[key] + 1
            for name, value in job.outputs(job.decode(arrived.value), key, sequence):
                await targets[name].send(key=arrived.key, value=value, partition=arrived.message.partition)

    sys.argv = [sys.argv[0], "worker", "--loglevel", "warn", "--without-web"]
    app.main()


if __name__ == "__main__":
    main()
