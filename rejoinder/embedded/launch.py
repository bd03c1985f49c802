"""Becomes another program, which ends when its starter dies and, where asked, runs as another user.

Run as a script with the standard library only, between fork and exec, because a threaded process must not run
Python there:  launch.py STARTER_PID SIGNAL USER|- FOLDER|- PROGRAM [ARGUMENT …]

USER is for PostgreSQL, which refuses to run as root. That user keeps one capability over files if FOLDER lies
below a folder that others may not enter (root's home, say); so nothing on the machine has to be opened for it.
"""

import ctypes
import os
import pwd
import signal
import sys

PR_SET_PDEATHSIG = 1
PR_SET_KEEPCAPS = 8
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2
LINUX_CAPABILITY_VERSION_3 = 0x20080522
# The lesser first: reading and entering any folder; containers often grant root only the greater.
CAP_DAC_READ_SEARCH, CAP_DAC_OVERRIDE = 2, 1


def main(arguments: list[str]) -> None:
    """Sets up this process and becomes the program."""
    starter, stop_signal, user, folder, *program = arguments
    os.umask(0o077)
    if user != "-":
        become(user, (program[0],) if folder == "-" else (folder, program[0]))
    if sys.platform == "linux":
        # After the change of user, which clears it. A starter that died before is noticed by the parent's pid.
        libc().prctl(PR_SET_PDEATHSIG, signal.Signals[stop_signal].value, 0, 0, 0)
        if os.getppid() != int(starter):
            sys.exit("the starter is gone")
    os.execv(program[0], program)


def become(user: str, needed: tuple[str, ...]) -> None:
    """Gives up root for `user`, who can still reach the files that are needed."""
    entry = pwd.getpwnam(user)
    closed = [path for path in needed if not others_may_reach(path)]
    if closed and sys.platform == "linux":
        libc().prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0)
    os.setgroups([])
    os.setgid(entry.pw_gid)
    os.setuid(entry.pw_uid)
    if closed and not any(map(keep_capability, (CAP_DAC_READ_SEARCH, CAP_DAC_OVERRIDE))):
        sys.exit(
            f"PostgreSQL can't run as root, and the user {user!r} can't reach {closed[0]}. "
            "Start Rejoinder as an ordinary user, or keep it and its data below folders that others may enter."
        )


def others_may_reach(path: str) -> bool:
    """Whether every folder above `path` is open to everybody (o+x)."""
    while path != "/":
        path = os.path.dirname(path)
        if not os.stat(path).st_mode & 0o001:
            return False
    return True


def keep_capability(capability: int) -> bool:
    """Keeps one of root's capabilities, across exec; False where this process hasn't got it."""
    if sys.platform != "linux":
        return False
    header = (ctypes.c_uint32 * 2)(LINUX_CAPABILITY_VERSION_3, 0)
    bit = 1 << capability
    # Effective, permitted and inheritable, first for capabilities 0 to 31, then for the others.
    sets = (ctypes.c_uint32 * 6)(bit, bit, bit, 0, 0, 0)
    if libc().capset(header, sets) != 0:
        return False
    return bool(libc().prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0) == 0)


def libc() -> ctypes.CDLL:
    """The C library of this process."""
    return ctypes.CDLL(None, use_errno=True)


if __name__ == "__main__":
    main(sys.argv[1:])
