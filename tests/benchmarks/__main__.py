"""``make bench``: `bench.main`; with "browser" as the first word, `web.main`; with "scaling", `scaling.main`."""

import sys

if __name__ == "__main__":
    if sys.argv[1:2] == ["browser"]:
        from tests.benchmarks import web

        web.main(*map(float, sys.argv[2:3]))
    elif sys.argv[1:2] == ["scaling"]:
        from tests.benchmarks import scaling

        scaling.main(*map(int, sys.argv[2:3]))
    else:
        from tests.benchmarks.bench import main

        main()
