"""Tells systemd how the daemon stands (sd_notify(3)); without systemd it says nothing and costs nothing."""

from __future__ import annotations

import os
import socket
from contextlib import suppress


def tell(*states: str) -> bool:
    """Send states such as ``READY=1`` to whoever supervises; answers whether anybody was there to hear. Never fails."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return False
    if address.startswith("@"):
        address = f"\0{address[1:]}"
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as way:
        way.connect(address)
        way.sendall("\n".join(states).encode())
        return True
    return False


def watchdog_seconds() -> float:
    """Within how many seconds the supervisor wants to hear from this process (sd_watchdog_enabled(3)); 0 where it does not."""
    wanted = os.environ.get("WATCHDOG_USEC", "")
    meant = os.environ.get("WATCHDOG_PID", "")
    if not wanted.isdigit() or (meant and meant != str(os.getpid())):
        return 0.0
    return int(wanted) / 1_000_000
