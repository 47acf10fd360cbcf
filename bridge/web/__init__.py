"""The receiving door, health, and whatever else is asked over HTTP."""
