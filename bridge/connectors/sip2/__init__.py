"""SIP2 over TCP: a client that connectors of several vendors share."""

from bridge.connectors.sip2.client import Sip2Client
from bridge.connectors.sip2.settings import Sip2Settings

__all__ = ["Sip2Client", "Sip2Settings"]
