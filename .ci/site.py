"""A hook of MkDocs: what a page points to outside the site is told by its path."""

import re

OUTSIDE = re.compile(r"\[([^\]]+)\]\(\.\./([^)#]+)[^)]*\)")


def on_page_markdown(markdown: str, **_: object) -> str:
    """The page without links that lead nowhere on the site."""
    return OUTSIDE.sub(r"\1 (`\2`)", markdown)
