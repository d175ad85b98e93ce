"""Words, sentences and chunks of a text, without a model."""

import re

WORD = re.compile(r"\w+(?:['’]\w+)?")
# A sentence ends at its mark or at a line break; a break costs nothing to find, so no look-behind over variable text.
BREAK = re.compile(r"(?<=[.!?…。！？])\s+|\n+")
MIN_WORDS = 3


def words(text: str) -> list[str]:
    return WORD.findall(text.lower())


def sentences(text: str, *, limit: int = 400) -> list[str]:
    """Sentences of at least three words (shorter ones join the one before), at most `limit` of them."""
    found: list[str] = []
    for part in BREAK.split(text):
        stripped = part.strip()
        if not stripped:
            continue
        if found and len(WORD.findall(stripped)) < MIN_WORDS:
            found[-1] = f"{found[-1]} {stripped}"
        else:
            found.append(stripped)
    return found[:limit]


def chunks(text: str, *, size: int = 900, limit: int = 16) -> list[str]:
    """Pieces of at most `size` characters, cut at spaces; the first `limit` of them."""
    found: list[str] = []
    rest = text.strip()
    while len(rest) > size and len(found) < limit - 1:
        cut = rest.rfind(" ", size // 2, size)
        cut = cut if cut > 0 else size
        found.append(rest[:cut])
        rest = rest[cut:].lstrip()
    return [*found, rest[:size]] if rest else found
