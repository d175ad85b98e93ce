"""What `leeway alerts report` and `leeway alerts postmortem` do, themselves or through the server that runs."""

import argparse

from leeway import runtime, telling
from leeway.commands import settings_of
from leeway.remote import Remote
from store.errors import StoreBusy


def report(options: argparse.Namespace) -> int:
    settings = settings_of(options)
    try:
        with runtime.opened(settings) as opened:
            text = telling.as_text(telling.told_now(opened, options.name, send=options.send))
    except StoreBusy as busy:
        text = Remote(settings, busy).report(options.name, send=options.send)
    print(text)
    return 0


def postmortem(options: argparse.Namespace) -> int:
    settings = settings_of(options)
    try:
        with runtime.opened(settings) as opened:
            page = telling.postmortem_of(opened, options.incident, with_text=options.with_text)
    except StoreBusy as busy:
        page = Remote(settings, busy).postmortem(options.incident, with_text=options.with_text)
    file = options.out or telling.default_file(options.incident)
    file.write_text(page, encoding="utf-8")
    print(f"{file}: incident {options.incident}, {len(page) / 1000:.0f} kB, to be read without a network")
    return 0
