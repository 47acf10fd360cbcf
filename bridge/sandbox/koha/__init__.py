"""A stand-in Koha: REST API of 23.05 and SIP2 over the same records, with its desk."""

from bridge.sandbox.koha.app import KohaStandIn

__all__ = ["KohaStandIn"]
