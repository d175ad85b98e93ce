"""The application: `streamlit run app.py`.

One ASGI process: pages, OTLP receivers, API, scheduler. Everything that must happen once hangs on the lifespan, not
on a visitor. Streamlit finds `app` by reading this file, so it is a plain assignment.
"""

import streamlit as st
from starlette.middleware import Middleware

from leeway import server
from leeway.access import Guard
from leeway.landing import Landing

settings = server.settings()

app = st.App(
    "pages/_shell.py",
    lifespan=server.lifespan,
    routes=server.routes(settings),
    middleware=[Middleware(Guard, settings=settings.server), Middleware(Landing)],
)

if __name__ == "__main__":
    app.run(config={"server.port": settings.server.port, "server.address": settings.server.host})
