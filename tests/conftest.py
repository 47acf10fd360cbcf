"""Property tests draw the same examples in every run; HYPOTHESIS_PROFILE=explore draws many fresh ones."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

settings.register_profile("repeat", derandomize=True, deadline=None)
settings.register_profile(
    "explore", max_examples=3000, deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeat"))
