#!/usr/bin/env python3
"""Sets Rejoinder up in .venv with nothing but Python: `python3 bin/bootstrap.py [--dev]`.

Checks first and downloads after. Uses the standard library only, and no syntax that an old Python can't read, so
that even one can say that it is too old.
"""

import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / "installed"
OLDEST, NEWEST = (3, 11), (3, 14)
# What every dependency has a wheel for: none is built here.
MACHINES = {"Linux": ("x86_64", "aarch64"), "Darwin": ("arm64", "x86_64")}
OLDEST_GLIBC = (2, 28)
OLDEST_MACOS = (13, 0)
DOWNLOAD = "downloads {} MB, once: Python packages, among them Java and PostgreSQL"
MEGABYTES, DEV_MEGABYTES = 90, 185


def main(arguments):
    """Makes .venv hold what the lock says. Quick if it does already. One at a time."""
    with open(str(ROOT / ".setup.lock"), "w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        set_up("--dev" in arguments)


def set_up(dev):
    """Checks, then downloads, then leaves a stamp that says what .venv holds."""
    lock = ROOT / ("requirements-dev.lock" if dev else "requirements.lock")
    if is_current(dev):
        STAMP.touch()
        return
    problem = why_not()
    if problem:
        sys.exit("Rejoinder can't be set up here: " + problem)
    began = time.time()
    say(f"Setting up in .venv ({DOWNLOAD.format(DEV_MEGABYTES if dev else MEGABYTES)})")
    STAMP.unlink(missing_ok=True)
    if VENV.exists():
        shutil.rmtree(str(VENV))
    run([sys.executable, "-m", "venv", str(VENV)], "could not make " + str(VENV))
    install(lock)
    # So that `python -m rejoinder` finds the code from any folder.
    Path(sysconfig_path()).joinpath("rejoinder.pth").write_text(str(ROOT) + "\n")
    STAMP.write_text(stamp_of(lock, dev))
    say(f"Set up in {time.time() - began:.0f} s")


def is_current(dev):
    """Whether .venv was made from today's locks, with what is asked."""
    try:
        stamp = STAMP.read_text()
    except OSError:
        return False
    current = [stamp_of(ROOT / "requirements-dev.lock", True)]
    if not dev:
        current.append(stamp_of(ROOT / "requirements.lock", False))
    return stamp in current and os.access(str(PYTHON), os.X_OK)


def stamp_of(lock, dev):
    """What the stamp says when .venv holds this lock."""
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()
    return "{} {} {}\n".format("dev" if dev else "run", digest, ROOT)


def why_not():
    """One sentence that says why it can't work on this machine, and what would; None if it can."""
    here = f"Python {platform.python_version()} ({sys.executable})"
    system, machine = platform.system(), platform.machine()
    if platform.python_implementation() != "CPython" or sysconfig.get_config_var("Py_GIL_DISABLED"):
        return here + " is not the usual CPython, for which the packages are built; name one with PYTHON=…"
    if not OLDEST <= sys.version_info[:2] <= NEWEST:
        return "it needs Python {}.{} to {}.{}, and this is {}; name another with PYTHON=…".format(
            *OLDEST, *NEWEST, here
        )
    if machine not in MACHINES.get(system, ()):
        return "there are no packages for {} on {}; there are for {}.".format(
            system, machine, "; ".join("{} on {}".format(name, " and ".join(m)) for name, m in MACHINES.items())
        )
    if system == "Linux" and glibc() < OLDEST_GLIBC:
        return "this Linux has {}, and the packages need glibc {}.{} or newer (Alpine's musl won't do).".format(
            "glibc {}.{}".format(*glibc()) if glibc() > (0, 0) else "no glibc", *OLDEST_GLIBC
        )
    if system == "Darwin" and macos() < OLDEST_MACOS:
        return "this is macOS {}, and the packages need {}.{} or newer.".format(platform.mac_ver()[0], *OLDEST_MACOS)
    return missing_modules(here)


def missing_modules(here):
    """Debian and Ubuntu leave parts of Python out."""
    missing = [name for name in ("venv", "ensurepip", "ssl", "ctypes", "sqlite3") if not exists(name)]
    if missing:
        return "{} comes without {}; on Debian or Ubuntu: apt install python{}.{}-venv".format(
            here, ", ".join(missing), *sys.version_info[:2]
        )
    return None


def exists(module):
    """Whether a module can be imported."""
    try:
        __import__(module)
    except ImportError:
        return False
    return True


def glibc():
    """The version of glibc; (0, 0) where there is none."""
    try:
        name, _, version = (os.confstr("CS_GNU_LIBC_VERSION") or "").partition(" ")
    except (OSError, ValueError):
        return (0, 0)
    return numbers(version) if name == "glibc" else (0, 0)


def macos():
    """The version of macOS."""
    return numbers(platform.mac_ver()[0])


def numbers(version):
    """The first two numbers of a version."""
    major, minor = ([*version.split("."), "0"])[:2]
    return (int(major), int(minor))


def install(lock):
    """Installs what the lock says, by its digests: with uv, which is quick; with pip where uv fails."""
    pip = [str(PYTHON), "-m", "pip", "--disable-pip-version-check"]
    options = ["--require-hashes", "--only-binary", ":all:", "-r"]
    uv_lock = VENV / "uv.lock"
    uv_lock.write_text(only(ROOT / "requirements-dev.lock", "uv"))
    quiet = ["--quiet", "--no-warn-script-location"]
    if subprocess.call([*pip, "install", *quiet, *options, str(uv_lock)]) == 0:
        environment = dict(os.environ, **uv_variables(pip))
        command = [str(VENV / "bin" / "uv"), "pip", "install", "--python", str(PYTHON), *options, str(lock)]
        if subprocess.call(command, env=environment) == 0:
            return
        say("uv failed; trying pip")
    run([*pip, "install", *options, str(lock)], "could not install the packages; see the reason above")


def only(lock, package):
    """The lines of a lock for one package that needs no others."""
    lines, taken = [], False
    for line in lock.read_text().splitlines():
        if not line.startswith((" ", "#")):
            taken = line.startswith(package + "==")
        if taken:
            lines.append(line)
    return "\n".join(lines) + "\n"


def uv_variables(pip):
    """pip's configuration (index, mirrors, certificates) as the variables that uv reads; those already set stay."""
    listed = subprocess.run([*pip, "config", "list"], stdout=subprocess.PIPE, text=True, check=False).stdout
    configured = {}
    rising = {"global": 0, "install": 1, ":env:": 2}
    for line in sorted(listed.splitlines(), key=lambda line: rising.get(line.partition(".")[0], -1)):
        key, equals, value = line.partition("=")
        if equals:
            configured[key.rpartition(".")[2]] = value.strip("'\"").replace("\\n", " ")
    names = {
        "index-url": "UV_DEFAULT_INDEX",
        "extra-index-url": "UV_INDEX",
        "find-links": "UV_FIND_LINKS",
        "trusted-host": "UV_INSECURE_HOST",
        "no-index": "UV_NO_INDEX",
        "cert": "SSL_CERT_FILE",
        "client-cert": "SSL_CLIENT_CERT",
        "proxy": "ALL_PROXY",
        "timeout": "UV_HTTP_TIMEOUT",
        "default-timeout": "UV_HTTP_TIMEOUT",
    }
    found = {names[key]: value for key, value in configured.items() if key in names and names[key] not in os.environ}
    if "UV_FIND_LINKS" in found:
        found["UV_FIND_LINKS"] = ",".join(found["UV_FIND_LINKS"].split())
    return found


def sysconfig_path():
    """Where .venv keeps its packages."""
    command = [str(PYTHON), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()


def run(command, failure):
    """Runs a command, or ends with a sentence."""
    if subprocess.call(command) != 0:
        sys.exit("Rejoinder's set-up " + failure)


def say(line):
    """Tells what goes on."""
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
