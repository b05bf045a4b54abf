"""``make bench``: `bench.main`; with a name ("browser", "scaling", "others", "listen", ...) the module of that kind."""

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
    elif sys.argv[1:2] == ["readers"]:
        from tools.bench import readers

        readers.main(*sys.argv[2:3])
    elif sys.argv[1:2] == ["int8"]:
        from tools.bench import int8

        int8.main(*sys.argv[2:4])
    elif sys.argv[1:2] == ["limits"]:
        from tools.bench import limits

        sys.exit(limits.main())
    elif sys.argv[1:2] == ["live"]:
        from tools.bench import live

        live.main()
    elif sys.argv[1:2] == ["listen"]:
        from tools.bench import listen

        listen.main(*map(float, sys.argv[2:3]))
    else:
        from tools.bench.bench import main

        main()
