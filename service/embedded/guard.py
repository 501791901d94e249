"""Runs one server as a child and ends it as soon as the process that asked for it is gone.

Started as a script of its own: `python -I -S guard.py '{"stop": 2, ...}' COMMAND...`, with a pipe as standard input
whose other end only the starter holds. End of file on it (the starter closed it or died in whatever way), or a new
parent, means: stop the server, first politely, then not. Should the guard itself be killed, Linux tells the server.
Standard library only, and nothing of Fairhold, so that it starts in 30 ms.
"""

import contextlib
import ctypes
import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from typing import Any

PARENT_CHECK_SECONDS = 1.0
PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> int:
    """Guard one server until it ends; returns its exit code. See the module's text for the arguments."""
    options: dict[str, Any] = json.loads(arguments[0])
    parent = os.getppid()
    woken, wakes = socket.socketpair()
    wakes.setblocking(False)
    signal.set_wakeup_fd(wakes.fileno())
    for number in (signal.SIGCHLD, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    identity = {"user": options["uid"], "group": options["gid"], "extra_groups": []} if "uid" in options else {}
    server = subprocess.Popen(
        arguments[1:],
        stdin=subprocess.DEVNULL,
        pass_fds=options["keep"],
        preexec_fn=_child_setup(options["stop"]),  # noqa: PLW1509 - this process has one thread, so it is safe
        **identity,
    )
    _wait_for_reason(server, woken, parent)
    return _end(server, options["stop"], options["grace_seconds"])


def _child_setup(stop_signal: int) -> Callable[[], None]:
    """What the server's process does before it becomes the server."""
    prctl = ctypes.CDLL(None).prctl if sys.platform == "linux" else None

    def setup() -> None:
        os.setpgid(0, 0)
        for number in (signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        if prctl is not None:
            prctl(PR_SET_PDEATHSIG, stop_signal)

    return setup


def _wait_for_reason(server: "subprocess.Popen[bytes]", woken: socket.socket, parent: int) -> None:
    """Return once the server ended, the starter is gone, or a SIGTERM came."""
    while server.poll() is None:
        readable, _, _ = select.select([sys.stdin.fileno(), woken], [], [], PARENT_CHECK_SECONDS)
        if sys.stdin.fileno() in readable or os.getppid() != parent:
            return
        if woken in readable and signal.SIGTERM in woken.recv(64):
            return


def _end(server: "subprocess.Popen[bytes]", stop_signal: int, grace_seconds: float) -> int:
    """Stop the server: `stop_signal`, then SIGQUIT, then SIGKILL to its whole group; nothing of that group stays."""
    for number, seconds in ((stop_signal, grace_seconds), (signal.SIGQUIT, 5.0), (signal.SIGKILL, None)):
        if server.poll() is not None:
            break
        if number == signal.SIGKILL:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(server.pid, number)
        else:
            server.send_signal(number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(seconds)
    with contextlib.suppress(ProcessLookupError):  # what a server that was killed has left of its own children
        os.killpg(server.pid, signal.SIGKILL)
    return server.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
