"""Reads a Dockerfile, and carries out the steps of a stage in a folder instead of an image."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

TOP = re.compile(r"(?<![\w./}])/(?=(?:build|opt|etc|var)\b)")
"""Where a path from the root begins, of those that lie in the image alone."""
OFFLINE = re.compile(
    r"NewConnectionError|NameResolutionError|ConnectTimeout|ReadTimeout|ProxyError|Network is unreachable"
)
HIDDEN = shutil.ignore_patterns("__pycache__", "*.db", "*.egg-info")


class Offline(Exception):
    """The package index cannot be reached."""


@dataclass
class Stage:
    """One stage: its instructions, and what several of them come to."""

    name: str
    steps: list[tuple[str, str]] = field(default_factory=list)

    def all(self, instruction: str) -> list[str]:
        return [text for each, text in self.steps if each == instruction]

    def one(self, instruction: str) -> str:
        (found,) = self.all(instruction)
        return found

    @property
    def environment(self) -> dict[str, str]:
        words = [word for text in self.all("ENV") for word in shlex.split(text)]
        return dict(word.split("=", 1) for word in words)

    @property
    def health(self) -> list[str]:
        command = self.one("HEALTHCHECK").partition("CMD ")[2]
        return [str(word) for word in json.loads(command)]

    @property
    def command(self) -> list[str]:
        return [*json.loads(self.one("ENTRYPOINT")), *json.loads(self.one("CMD"))]


def stages(text: str) -> list[Stage]:
    """The stages of a Dockerfile; what stands before the first is left out."""
    plain = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    found: list[Stage] = []
    for line in re.sub(r"\\\n\s*", "", plain).splitlines():
        instruction, _, rest = line.strip().partition(" ")
        if instruction == "FROM":
            found.append(Stage(rest.partition(" AS ")[2]))
        elif found and instruction:
            found[-1].steps.append((instruction, rest))
    return found


@dataclass
class Folder:
    """A folder that stands for an image's root, and the build's context."""

    root: Path
    context: Path
    python: Path

    def here(self, text: str) -> str:
        """The same text with the image's paths as paths in this folder."""
        return TOP.sub(f"{self.root}/", text)

    def carry_out(self, stage: Stage) -> None:
        """COPY, WORKDIR and RUN, as the builder would. Raises ``Offline``."""
        place = self.root
        for instruction, text in stage.steps:
            if instruction == "WORKDIR":
                place = Path(self.here(text))
                place.mkdir(parents=True, exist_ok=True)
            elif instruction == "COPY":
                self._copy(text.split(), place)
            elif instruction == "RUN":
                self.run(text, place, stage.environment)

    def run(self, text: str, place: Path, environment: dict[str, str]) -> None:
        """One RUN. Raises ``Offline``, or ``AssertionError`` with what it said."""
        path = os.pathsep.join([str(self.python.parent), os.environ["PATH"]])
        kept = {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "SSL_", "HOME"))}
        done = subprocess.run(
            ["sh", "-ec", self.here(text)],
            cwd=place,
            env={**kept, **environment, "PATH": path, "PIP_RETRIES": "1", "PIP_NO_CACHE_DIR": "0"},
            capture_output=True,
            text=True,
        )
        if done.returncode and OFFLINE.search(done.stderr):
            raise Offline(done.stderr[-500:])
        assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"

    def _copy(self, words: list[str], place: Path) -> None:
        *sources, target = words
        for source in sources:
            if (self.context / source).is_dir():
                shutil.copytree(self.context / source, place / target, ignore=HIDDEN)
            else:
                shutil.copy(self.context / source, place / target)
