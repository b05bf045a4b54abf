"""``make bench``: `bench.main`."""

from tests.benchmarks.bench import main

main()
