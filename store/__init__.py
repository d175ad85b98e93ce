"""The ground: what is kept. The only package that opens DuckDB."""
