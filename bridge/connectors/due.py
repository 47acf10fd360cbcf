"""What is said where the date asked for is not the one that a loan has in the end."""

from __future__ import annotations

from datetime import date

from bridge.domain.commands import SetDueDate


def stays(command: SetDueDate, stands: date | None) -> str:
    """The loan keeps its date."""
    if not command.may_shorten:
        return f"The due date stays {stands}: the bridge does not shorten a loan."
    return f"The due date stays {stands}: a recall leaves the patron {command.leave_days} days at least."


def floored(command: SetDueDate, wanted: date) -> str:
    """A recall made it earlier, and not as early as asked."""
    return f"The due date was made {wanted}, not {command.due}: a recall leaves the patron {command.leave_days} days at least."
