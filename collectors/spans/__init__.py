"""How OTLP becomes spans, and what spans say of calls."""
