"""A stand-in ILS behind an NCIP responder, which speaks as several of them do (ncip-sip2.md, observed-on-running-systems.md)."""

from bridge.sandbox.ncip.app import NcipStandIn

__all__ = ["NcipStandIn"]
