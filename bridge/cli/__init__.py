"""The command line: run it, look at it, steer it."""
