"""A stand-in SIP2 server over TCP, and a small ILS to put behind it."""

from bridge.sandbox.sip2.house import House
from bridge.sandbox.sip2.server import Habits, SipServer

__all__ = ["Habits", "House", "SipServer"]
