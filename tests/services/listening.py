"""Whether somebody answers at a port."""

import socket

TIMEOUT_S = 5.0


def greets(host: str, port: int, greeting: bytes) -> bool:
    """Whether the server there speaks first, and begins with `greeting`."""
    try:
        with socket.create_connection((host, port), TIMEOUT_S) as connection:
            return connection.recv(64).startswith(greeting)
    except OSError:
        return False


def answers(host: str, port: int) -> bool:
    """Whether the server there takes connections."""
    try:
        with socket.create_connection((host, port), TIMEOUT_S):
            return True
    except OSError:
        return False
