"""The checker of links sees what is wrong, and never fails for what is outside."""

from __future__ import annotations

import functools
import subprocess
import sys
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "scripts" / "check-links"
GOOD = """<html><head><link rel="stylesheet" href="style.css"><link rel="canonical" href="https://example.org/"></head>
<body><a name="old"></a><h1 id="top">T</h1><a href="#top">up</a><a href="sub/other.html#there">on</a><a href="sub/">folder</a>
<a href="mailto:a@example.org">post</a><a href="other%20page.html?q=1">spaces</a><script src="app.js"></script></body></html>"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    for name in ("style.css", "app.js", "other page.html"):
        (tmp_path / name).touch()
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "other.html").write_text('<p id="there"><a href="../index.html#old">back</a>', encoding="utf-8")
    (tmp_path / "sub" / "index.html").touch()
    (tmp_path / "index.html").write_text(GOOD, encoding="utf-8")
    return tmp_path


def check(*words: str | Path) -> tuple[int, str]:
    done = subprocess.run([sys.executable, SCRIPT, *words], capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def test_a_good_site(site: Path) -> None:
    assert check("--offline", site) == (0, "links: 4 pages lead somewhere\n")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ('<a href="gone.html">', "gone.html leads nowhere"),
        ('<a href="#nowhere">', "#nowhere: there is no such anchor"),
        ('<a href="sub/other.html#nowhere">', "sub/other.html#nowhere: there is no such anchor"),
        ('<img src="gone.png">', "gone.png leads nowhere"),
        ('<script src="https://cdn.example.org/a.js"></script>', "loads https://cdn.example.org/a.js from elsewhere"),
        ('<link rel="stylesheet" href="//fonts.example.org/f.css">', "loads //fonts.example.org/f.css from elsewhere"),
    ],
)
def test_what_is_wrong_is_named(site: Path, more: str, said: str) -> None:
    (site / "index.html").write_text(GOOD + more, encoding="utf-8")
    code, told = check("--offline", site)
    assert code == 1
    assert said in told


def test_markdown(tmp_path: Path) -> None:
    (tmp_path / "other.md").write_text("# A `b` and [c](d)!\n", encoding="utf-8")
    good = "[x](other.md#a-b-and-c) [y](#here)\n\n# Here\n\n    [code](gone.md)\n\n```\n[code](gone.md)\n```\n`[code](gone.md)`\n"
    (tmp_path / "page.md").write_text(good, encoding="utf-8")
    assert check("--offline", tmp_path / "page.md")[0] == 0
    (tmp_path / "page.md").write_text("[x](gone.md) [y](other.md#b)\n", encoding="utf-8")
    code, told = check("--offline", tmp_path / "page.md")
    assert code == 1
    assert "gone.md leads nowhere" in told
    assert "other.md#b: there is no such anchor" in told


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_said: object) -> None:
        """Tests are read by people."""


def test_what_is_outside_is_only_reported(site: Path) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(site))) as outside:
        threading.Thread(target=outside.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{outside.server_port}"
        links = f'<a href="{url}/app.js"><a href="{url}/gone"><a href="http://127.0.0.1:9/there#part">'
        (site / "index.html").write_text(GOOD + links, encoding="utf-8")
        code, told = check(site)
        outside.shutdown()
    assert code == 0
    assert f"gone: {url}/gone (404)" in told
    assert "skipped: http://127.0.0.1:9/there (" in told
    assert "1 reached, 1 gone, 1 skipped" in told
