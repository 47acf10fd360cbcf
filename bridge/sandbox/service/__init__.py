"""A stand-in resource-sharing service: requests moved along by command, a change feed, and signed webhooks."""

from bridge.sandbox.service.standin import ServiceStandIn

__all__ = ["ServiceStandIn"]
