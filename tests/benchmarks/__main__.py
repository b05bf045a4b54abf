"""``make bench``: `bench.main`; with "browser" as the first word, `web.main`."""

import sys

if sys.argv[1:2] == ["browser"]:
    from tests.benchmarks import web

    web.main(*map(float, sys.argv[2:3]))
else:
    from tests.benchmarks.bench import main

    main()
