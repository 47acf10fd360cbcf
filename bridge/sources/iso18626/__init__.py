"""ISO 18626: messages read leniently, what they mean for our side, and the confirmations they are answered with."""

from bridge.sources.iso18626.settings import Iso18626Settings
from bridge.sources.iso18626.source import Iso18626Source

__all__ = ["Iso18626Settings", "Iso18626Source"]
