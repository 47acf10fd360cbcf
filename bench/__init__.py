"""Benchmarks: figures a person can check, never a timed test."""
