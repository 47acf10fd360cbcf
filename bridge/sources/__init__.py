"""The resource-sharing side: what services say, understood as changes."""
