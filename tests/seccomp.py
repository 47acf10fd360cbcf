"""``python tests/seccomp.py UNIT PROGRAM…`` runs a program under the system call filter of a unit, as systemd would.

systemd-analyze says what is in a group, and libseccomp (which systemd itself uses) loads the filter. A call outside of it is answered
EPERM. Exit code 77 where one of the two is not there.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from pathlib import Path

SKIPPED = 77
ALLOW = 0x7FFF0000
DENY = 0x00050001  # SCMP_ACT_ERRNO(EPERM)


def members(group: str) -> set[str]:
    """The system calls of a group, with those of the groups in it."""
    listed = subprocess.run(
        ["systemd-analyze", "syscall-filter", "--no-pager", group], capture_output=True, text=True, check=True
    )
    words = [line.strip() for line in listed.stdout.splitlines()[1:]]
    named = {word for word in words if word and word[0] not in "#@"}
    return named.union(*(members(word) for word in words if word.startswith("@")))


def allowed(unit: Path) -> set[str]:
    """What the unit's ``SystemCallFilter`` lines come to."""
    found = members("@default")
    for line in unit.read_text(encoding="utf-8").splitlines():
        name, _, value = line.partition("=")
        if name == "SystemCallFilter":
            calls = set().union(*(members(group) for group in value.lstrip("~").split()))
            found = found - calls if value.startswith("~") else found | calls
    return found | members("@default")


def confine(calls: set[str]) -> bool:
    """Load the filter into this process, for good."""
    library = ctypes.CDLL("libseccomp.so.2")
    library.seccomp_init.restype = ctypes.c_void_p
    context = ctypes.c_void_p(library.seccomp_init(DENY))
    for call in calls:
        number = library.seccomp_syscall_resolve_name(call.encode())
        if number >= 0:
            library.seccomp_rule_add(context, ALLOW, number, 0)
    return bool(library.seccomp_load(context) == 0)


def main() -> int:
    """Confine, then become the program."""
    unit, *program = sys.argv[1:]
    try:
        confined = confine(allowed(Path(unit)))
    except (OSError, subprocess.CalledProcessError) as missing:
        sys.stderr.write(f"{missing}\n")
        return SKIPPED
    if not confined:
        return SKIPPED
    os.execv(program[0], program)  # noqa: S606
    return 0  # never: the program is in its place now


if __name__ == "__main__":
    sys.exit(main())
