"""Two days of made-up traffic of an assistant for small shops, with planted incidents.

`texts` what is said · `arrivals` when and how much · `story` what goes wrong · `engines` how models behave ·
`apps` one function per application · `traffic` puts them together · `otlp_lines` writes a part of it as traces.
"""
