"""The peers' programs. Each runs in an environment of its own (bench.peer_run), which knows nothing of the project."""
