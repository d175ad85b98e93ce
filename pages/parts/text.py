"""Log text made harmless.

Whoever writes a prompt can put bytes in front of whoever watches the dashboard. Log text is therefore shown by
`st.text`, `st.code`, `st.json` and `st.dataframe` (through `cells`). Anywhere else it passes `safe_label`; in HTML of
ours and in figures, `escaped`.
"""

import html
import re

import polars as pl

_PUNCTUATION = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$:&\"'=^/])")
_LINK_STARTS = (
    (re.compile(r"(?<=\w):(?=//)"), ":\u200b"),
    (re.compile(r"(?i)\b(www)(?=\.)"), "\\1\u200b"),
    (re.compile(r"@"), "\u200b@\u200b"),
)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u202a-\u202e\u2066-\u2069]")
_FORMULA = r"^\s*[=+\-@]|^[\t\r]"


def safe_label(text: object, limit: int = 80) -> str:
    """Untrusted text for a label or Markdown: no link, image, HTML, LaTeX or directive survives.

    All punctuation is escaped, and what Markdown links even so (`http://`, `www.`, mail addresses) is broken by a
    zero-width space.
    """
    label = _plain(text, limit)
    for start, broken in _LINK_STARTS:
        label = start.sub(broken, label)
    return _PUNCTUATION.sub(r"\\\1", label)


def escaped(text: object, limit: int = 60) -> str:
    """Untrusted text for our own HTML, and for titles, labels and legends of a figure: a tag stays text."""
    return html.escape(_plain(text, limit))


def cells(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with a `'` before each text that a spreadsheet would run as a formula: tables can be downloaded."""
    texts = [pl.col(name) for name, kind in frame.schema.items() if kind == pl.String]
    return frame.with_columns(
        pl.when(text.str.contains(_FORMULA)).then(pl.concat_str(pl.lit("'"), text)).otherwise(text).name.keep()
        for text in texts
    )


def shortened(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def _plain(text: object, limit: int) -> str:
    return shortened(" ".join(_CONTROL.sub("", str(text)).split()), limit)
