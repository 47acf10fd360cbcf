"""``python -m bridge.alive [URL]``: exit 0 where the daemon answers there, 1 where it does not. The container's health check.

It asks ``/healthz`` on this machine, at the port that ``ILL_BRIDGE_WEB__PORT`` names (8018), with the token of
``ILL_BRIDGE_WEB__HEALTH__TOKEN_FILE`` where there is one. An answer that wants a token, or says that health is asked elsewhere, is one of a
daemon that lives. It needs only the standard library, so that a check costs little.
"""

from __future__ import annotations

import os
import sys
import urllib.error
import urllib.request
from http.client import HTTPException
from pathlib import Path

SECONDS = 4.0


def main() -> int:
    """Ask once."""
    port = os.environ.get("ILL_BRIDGE_WEB__PORT", "8018")
    url = sys.argv[1] if len(sys.argv) > 1 else f"http://127.0.0.1:{port}/healthz"
    try:
        asked = urllib.request.Request(url, headers=_token())  # noqa: S310 - the URL is ours
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(asked, timeout=SECONDS) as answer:
            answer.read(1)
    except urllib.error.HTTPError as answer:
        answer.close()
        return 0 if answer.code in {401, 404} else 1
    except (OSError, HTTPException, ValueError) as failure:
        sys.stderr.write(f"{url}: {failure}\n")
        return 1
    return 0


def _token() -> dict[str, str]:
    file = os.environ.get("ILL_BRIDGE_WEB__HEALTH__TOKEN_FILE")
    return {"Authorization": f"Bearer {Path(file).read_text(encoding='utf-8').strip()}"} if file else {}


if __name__ == "__main__":
    sys.exit(main())
