"""Small files that are whole or not there."""

import os
import tempfile
from pathlib import Path


def write_atomically(file: Path, text: str) -> None:
    """Writes a file that only its owner may read, by a rename: a reader sees the old text or the new one."""
    descriptor, scratch = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(descriptor, "w") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        Path(scratch).rename(file)
    except BaseException:
        Path(scratch).unlink(missing_ok=True)
        raise
