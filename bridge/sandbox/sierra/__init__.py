"""A stateful stand-in of the Sierra REST API, as unpleasant as its reference says Sierra is."""

from bridge.sandbox.sierra.app import SierraStandIn

__all__ = ["SierraStandIn"]
