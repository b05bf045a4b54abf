"""``make bench``: `bench.main`; with "browser", "others" or "int8" as the first word, `web`, `others` or `int8`."""

import sys

if sys.argv[1:2] == ["browser"]:
    from tests.benchmarks import web

    web.main(*map(float, sys.argv[2:3]))
elif sys.argv[1:2] == ["others"]:
    from tests.benchmarks import others

    others.main(*sys.argv[2:])
elif sys.argv[1:2] == ["int8"]:
    from tests.benchmarks import int8

    int8.main(*sys.argv[2:])
else:
    from tests.benchmarks.bench import main

    main()
