"""Where the vendors' documents and recorded payloads lie, beside the project and not in it."""

from pathlib import Path

import pytest

REFERENCE = Path(__file__).parents[2] / "shared" / "reference"
needs_reference = pytest.mark.skipif(
    not REFERENCE.is_dir(), reason=f"the reference documents are not beside the project ({REFERENCE})"
)
