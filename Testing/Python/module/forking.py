"""Starts fake workers as forks of a process that has imported them: numpy takes longer than a panel's whole test.

    python forking.py serve SOCKET PID              forks for whoever connects, until the process PID has gone
    python forking.py run SOCKET ARGUMENT ...       a fake worker, as if it were this process itself

``run`` lends its standard streams to a fork, ends as that ends, and takes it along when it is killed. It is started
for each test and imports as little as it can.
"""

from __future__ import annotations

import os
import socket
import sys

STREAMS = (0, 1, 2)
LOOK_SECONDS = 1.0
"""How often the server looks whether whom it serves is still there."""


def run(address: str, arguments: list[str]) -> None:
    """Have a worker forked that has this process's streams; end as it ends."""
    with socket.socket(socket.AF_UNIX) as server:
        server.connect(address)
        socket.send_fds(server, ["\0".join(arguments).encode()], list(STREAMS))
        for stream in STREAMS:
            os.close(stream)
        status = server.recv(8)
    code = os.waitstatus_to_exitcode(int(status)) if status else 1
    if code < 0:
        os.kill(os.getpid(), -code)
    os._exit(code)


def serve(address: str, pid: int) -> None:
    """Fork for whoever connects, as nobody's child: a test counts its own."""
    import select

    import fake_worker  # noqa: F401  (what forks are to find imported)

    if os.fork() > 0:
        return
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(f"{address}.new")
        listening.listen()
        os.rename(f"{address}.new", address)
        while is_alive(pid):
            reap()
            if select.select([listening], [], [], LOOK_SECONDS)[0]:
                caller, _address = listening.accept()
                if os.fork() == 0:
                    listening.close()
                    accompany(caller)
                caller.close()
    os.unlink(address)
    os.rmdir(os.path.dirname(address))


def is_alive(pid: int) -> bool:
    """Whether the process is there."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def reap() -> None:
    """Let go of forks that have ended."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def accompany(caller: socket.socket) -> None:
    """Fork the worker, tell the caller how it ended, and kill it when the caller has gone."""
    import contextlib
    import select
    import signal

    message, streams, _flags, _address = socket.recv_fds(caller, 65536, len(STREAMS))
    worker = os.fork()
    if worker == 0:
        caller.close()
        become(message.decode().split("\0"), streams)
    for stream in (*streams, *STREAMS):
        os.close(stream)
    if caller in select.select([caller, os.pidfd_open(worker)], [], [])[0]:
        os.kill(worker, signal.SIGKILL)
    status = os.waitpid(worker, 0)[1]
    with contextlib.suppress(OSError):  # the caller was killed
        caller.send(str(status).encode())
    os._exit(0)


def become(arguments: list[str], streams: list[int]) -> None:
    """Be a fake worker with these streams and arguments."""
    import fake_worker

    for stream, number in zip(streams, STREAMS, strict=True):
        os.dup2(stream, number)
        os.close(stream)
    sys.argv = ["fake_worker.py", *arguments]
    fake_worker.main()


if __name__ == "__main__":
    command, place, *others = sys.argv[1:]
    if command == "run":
        run(place, others)
    serve(place, int(others[0]))
