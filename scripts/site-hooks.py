"""What mkdocs does to each page: a link to a file of the repository that is no page of the site becomes the file's name."""

import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
LINK = re.compile(r"\[[^\]]*\]\((\.\./[^)\s#]+)\)")


def on_page_markdown(markdown: str, *, page: Any, **_more: Any) -> str:  # noqa: ANN401 - mkdocs' own objects
    """The page's text. A link to a file that is not there stays as it is, so that mkdocs refuses it."""
    folder = Path(page.file.abs_src_path).parent

    def named(link: re.Match[str]) -> str:
        target = (folder / link[1]).resolve()
        outside = target.is_relative_to(ROOT) and not target.is_relative_to(ROOT / "docs")
        return f"`{target.relative_to(ROOT)}`" if outside and target.exists() else link[0]

    return LINK.sub(named, markdown)
