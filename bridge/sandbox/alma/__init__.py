"""A stateful stand-in of the Alma REST API, as unpleasant as its reference says Alma is."""

from bridge.sandbox.alma.app import AlmaStandIn

__all__ = ["AlmaStandIn"]
