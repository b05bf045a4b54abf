"""``python -m tools.bench``: `bench.main`; with the name of another module here before its options, `main` of that."""

import sys
from importlib import import_module

OTHERS = ("web", "scaling", "others", "readers", "int8", "limits", "live", "listen")

if __name__ == "__main__":
    name, *options = sys.argv[1:] or [""]
    if name in OTHERS:
        sys.exit(import_module(f"tools.bench.{name}").main(*options))
    sys.exit(import_module("tools.bench.bench").main())
