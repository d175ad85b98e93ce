"""The HTML of an e-mail: what happened, how bad, a chart, the facts, where to go; light or dark as its reader likes."""

from collections.abc import Iterator

from alerts.channel import Letter
from alerts.messages import chart
from alerts.messages.neutral import cut, html_escaped
from alerts.notification import Notification, facts, named_links, preview, state, subject

# Mail programs that know no style sheet keep to the light colours, which stand beside each element.
PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">
<meta name="supported-color-schemes" content="light dark"><title>{head}</title><style>
@media (prefers-color-scheme: dark) {{
body, .card {{ background: #14181d !important; color: #e8ebef !important }}
.card {{ border-color: #2c343d !important }} .faint {{ color: #a7b0bb !important }}
a.place {{ color: #8ec8f5 !important; border-color: #3d4752 !important }} a.call {{ color: #8ec8f5 !important }}
img {{ border-radius: 6px }} }}
@media (max-width: 480px) {{ td.label, td.text {{ display: block !important; padding: 0 !important }}
td.text {{ padding-bottom: 8px !important }} .card {{ padding: 16px !important }} }}
</style></head>
<body style="margin:0;padding:12px;font:15px/1.5 -apple-system,'Segoe UI',Helvetica,Arial,sans-serif;color:#17202b;\
background:#f5f6f8"><div style="display:none;max-height:0;overflow:hidden">{preview}</div>
<div class="card" style="max-width:640px;margin:0 auto;background:#ffffff;border:1px solid #e1e5ea;border-radius:8px;\
padding:24px"><p style="margin:0 0 8px"><span style="background:{colour};color:#ffffff;border-radius:4px;\
padding:3px 9px;font-size:13px;font-weight:600">{state}</span></p>
<h1 style="font-size:20px;line-height:1.3;margin:0 0 4px">{head}</h1>
<p style="font-size:16px;margin:0 0 16px">{preview}</p>{picture}
<table role="presentation" style="border-collapse:collapse;width:100%">{rows}</table>
<p style="margin:18px 0 0">{places}</p>
<p class="faint" style="color:#55606e;font-size:13px;margin:18px 0 0">Sent by Leeway{why}</p></div></body></html>"""
IMAGE = (
    '<p style="margin:0 0 16px"><img src="cid:{cid}" alt="{alt}" width="{width}" height="{height}" '
    'style="max-width:100%;height:auto"></p>'
)
COLOURS = {"critical": "#b3261e", "warning": "#8f5a00"}
OVER_COLOUR, CALM_COLOUR = "#00734f", "#0067a3"
ROW = (
    '<tr><td class="label faint" style="color:#55606e;padding:3px 14px 3px 0;vertical-align:top;width:72px">{label}'
    '</td><td class="text" style="padding:3px 0;vertical-align:top;overflow-wrap:anywhere">{text}</td></tr>'
)
PLACE = (
    '<a class="place" href="{url}" style="display:inline-block;margin:0 8px 8px 0;padding:6px 12px;color:#00558c;'
    'border:1px solid #c6ced6;border-radius:6px;text-decoration:none">{text}</a>'
)
CALL = '<a class="call" href="{url}" style="color:#00558c">{text}</a>'
LONGEST_ID, LONGEST_NOTE = 28, 60
TREND = "Trend"  # the picture shows it


def page(letter: Letter, cid: str | None) -> str:
    """The whole document; `cid` is the chart's, where one is attached."""
    told = letter.told
    lead = preview(told)
    rows = [
        ROW.format(label=label, text=_unbroken(text)) for label, text in facts(told) if text != lead and label != TREND
    ]
    rows += [ROW.format(label="Examples", text="<br>".join(_calls(told)))] if told.examples else []
    why = f" because of the rule {html_escaped(told.rule_id)}" if told.incident_id is not None else ""
    return PAGE.format(
        head=html_escaped(subject(told)), state=html_escaped(state(told)),
        colour=OVER_COLOUR if told.over else COLOURS.get(told.severity, CALM_COLOUR),
        preview=_unbroken(lead[:1].upper() + lead[1:]), picture=_picture(letter, cid), rows="".join(rows),
        places="".join(PLACE.format(url=_quoted(url), text=name) for name, url in named_links(told)), why=why,
    )  # fmt: skip


def _unbroken(text: str) -> str:
    """Without a line break between a number and its per cent sign."""
    return html_escaped(text).replace(" %", "&nbsp;%")


def _picture(letter: Letter, cid: str | None) -> str:
    if cid is None or letter.course is None:
        return ""
    alt = html_escaped(chart.words(letter.course))
    return IMAGE.format(cid=cid, alt=alt, width=chart.WIDTH, height=chart.HEIGHT)


def _calls(told: Notification) -> Iterator[str]:
    for one in told.examples:
        note = f" ({html_escaped(cut(one.note, LONGEST_NOTE))})" if one.note else ""
        name = html_escaped(cut(one.call_id, LONGEST_ID))
        yield (CALL.format(url=_quoted(one.link), text=name) if one.link else name) + note


def _quoted(url: str) -> str:
    return url.replace("&", "&amp;").replace('"', "%22").replace("<", "%3C").replace(">", "%3E")
