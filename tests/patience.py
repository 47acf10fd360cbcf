"""How long tests wait for other processes and threads."""

PATIENCE = 60.0
"""Seconds after which something counts as not happening: far more than it takes, so that a busy machine fails no test."""
