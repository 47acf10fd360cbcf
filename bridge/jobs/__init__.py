"""What happens by the clock: polls of feeds, orders of staff, the dispatcher's backstop."""
