"""`python -m leeway`."""

from leeway.cli import main

raise SystemExit(main())
