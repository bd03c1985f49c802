"""Brings the cluster to what this version needs: `deploy.py POLICY`. Run again, it changes nothing that is right."""

import sys
from pathlib import Path

from engine.errors import RejoinderError
from rejoinder import policy_file
from rejoinder.deployment import deploy, ensure_policy
from rejoinder.programs import bootstrap_of
from rejoinder.settings import load


def main(policy: Path) -> None:
    """Topics, schemas, and the policy in this file. Says what still differs."""
    wanted = policy_file.read(policy)
    settings = load()
    # With their configuration: the registry may have made its topic before us.
    cluster, differences = deploy(settings, bootstrap_of(settings), configs=True)
    for difference in differences:
        print(difference, file=sys.stderr)
    version = ensure_policy(cluster, wanted)
    print(f"Topics and schemas are there, and version {version} of the policy is in force.")


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]))
    except RejoinderError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)
