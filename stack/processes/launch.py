"""Become another program that does not outlive its parent.

Run as a file, so that nothing but the standard library is needed: between fork and exec of a
process with threads no Python code may run, hence this step of its own.
"""

from __future__ import annotations

import ctypes
import os
import pwd
import signal
import sys

PR_SET_PDEATHSIG = 1
NOT_STARTED = 127


def main(arguments: list[str]) -> int:
    """Take ``signal parent user program …`` and become the program; 127 if that is impossible."""
    death_signal, parent, user, *program = arguments
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    if user:
        account = pwd.getpwnam(user)
        os.setgroups([])
        os.setgid(account.pw_gid)
        os.setuid(account.pw_uid)
    if sys.platform == "linux":
        # After setuid, which clears it.
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
    if os.getppid() != int(parent):
        return NOT_STARTED
    try:
        os.execv(program[0], program)  # noqa: S606 - becoming it is the purpose
    except OSError as error:
        sys.stderr.write(f"cannot start {program[0]}: {error.strerror}\n")
    return NOT_STARTED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
