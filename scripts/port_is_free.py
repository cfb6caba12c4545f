"""`python -m scripts.port_is_free COMMAND [OPTIONS]`: whether `make COMMAND` could listen where its OPTIONS say.

Asked before anything is downloaded or built. Ends with 1, and who listens there, when it could not.
"""

import argparse
import contextlib
import os
import socket
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

DEFAULT_HOST, DEFAULT_PORT = "127.0.0.1", 5000
LISTENING = "0A"
"""How /proc/net/tcp writes that state."""


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("command")
    parser.add_argument("--port", "-p", default=os.environ.get("MLFLOW_PORT") or DEFAULT_PORT)
    parser.add_argument("--host", "-h", default=os.environ.get("MLFLOW_HOST") or DEFAULT_HOST)
    options, others = parser.parse_known_args(arguments)
    if "--help" in others:
        return 0
    try:
        refusal = why_not(options.host, int(options.port))
    except (ValueError, OverflowError, socket.gaierror):
        return 0  # nothing one could listen on: the command itself says so
    if refusal is None:
        return 0
    sys.stderr.write(f"{refusal}\nStop it, or choose another port: make {options.command} OPTIONS='--port 8080'\n")
    return 1


def why_not(host: str, port: int) -> str | None:
    """Why nobody else can listen there, as a sentence; None when one can."""
    family, _, _, _, address = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            holders = ", ".join(map(described, listeners(port))) or "another process, of another user perhaps"
            return f"Port {port} of {host} cannot be had ({os.strerror(error.errno or 0)}): {holders}."
    return None


def listeners(port: int) -> list[int]:
    """The processes that listen on a TCP port of this machine, as far as this user may see them; none without /proc."""
    sockets = {f"socket:[{inode}]" for inode in _inodes(port)}
    return [pid for pid in _processes() if sockets & set(_opened(pid))] if sockets else []


def described(pid: int) -> str:
    """A process as an operator knows it."""
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        command = ""
    return f"process {pid} listens there ({command[:120] or 'it has just ended'})"


def _inodes(port: int) -> Iterator[str]:
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with contextlib.suppress(OSError):
            for line in Path(table).read_text().splitlines()[1:]:
                _, local, _, state, *rest = line.split()
                if state == LISTENING and int(local.rpartition(":")[2], 16) == port:
                    yield rest[5]


def _processes() -> Iterator[int]:
    with contextlib.suppress(OSError):
        yield from (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())


def _opened(pid: int) -> Iterator[str]:
    """What the descriptors of a process lead to."""
    with contextlib.suppress(OSError):  # it has ended, or is another user's
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                yield os.readlink(descriptor)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
