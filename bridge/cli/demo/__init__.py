"""The demonstration: the daemon proper between a stand-in resource-sharing service and a stand-in ILS."""
