"""Ports for servers of tests."""

import socket


def free_ports(count: int) -> list[int]:
    """Different ports of 127.0.0.1 that nobody uses now."""
    holders = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports: list[int] = [holder.getsockname()[1] for holder in holders]
    for holder in holders:
        holder.close()
    return ports
