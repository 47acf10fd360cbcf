"""Stand-ins for vendors' APIs and for a resource-sharing service; written from the reference, never from our connectors."""
