"""The pure part: requests, changes, goals, records and the next step. No I/O, and nothing of ours imported."""
