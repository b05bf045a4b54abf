"""``make bench``: `bench.main`; the first word "browser", "scaling", "others" or "int8" names another one's `main`."""

import sys

if __name__ == "__main__":
    if sys.argv[1:2] == ["browser"]:
        from tools.bench import web

        web.main(*map(float, sys.argv[2:3]))
    elif sys.argv[1:2] == ["scaling"]:
        from tools.bench import scaling

        scaling.main(*map(int, sys.argv[2:3]))
    elif sys.argv[1:2] == ["others"]:
        from tools.bench import others

        others.main(*sys.argv[2:4])
    elif sys.argv[1:2] == ["int8"]:
        from tools.bench import int8

        int8.main(*sys.argv[2:4])
    else:
        from tools.bench.bench import main

        main()
