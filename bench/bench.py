"""Makes ``python bench/crash.py`` do what ``python -m bench.crash`` does: ``bench`` is found here then, and stands for this folder."""

from __future__ import annotations

from pathlib import Path

__path__ = [str(Path(__file__).parent)]
