#!/bin/sh
# transkun 2.0.1: its command starts only if the installed setuptools is older than 82.
#
# The command imports `pkg_resources` to find its weights. The package doesn't declare setuptools, and setuptools has
# been without `pkg_resources` since 82.0.0. Observed: `transkun --help` prints its usage beside setuptools 81.0.0, and
# beside 84.2.1 it ends with "ModuleNotFoundError: No module named 'pkg_resources'". Whoever installs it today with pip
# gets the latter: torch 2.14.1 asks for setuptools 77.0.3 or newer, and pip takes the newest. The model itself needs no
# `pkg_resources`.
# Expected: the usage both times. The script fails once what was observed changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install -q torch==2.13.0 pretty_midi==0.2.11.post0 moduleconf==0.1.4
env/bin/pip install -q --no-deps transkun==2.0.1
for setuptools in 81.0.0 84.2.1; do
    env/bin/pip install -q --no-deps setuptools==$setuptools
    env/bin/transkun --help > said.txt 2>&1 || true
    echo "transkun 2.0.1 beside setuptools $setuptools: $(grep -m 1 -e '^usage' -e '^ModuleNotFoundError' said.txt)"
done > seen.txt
cat seen.txt
grep -q "81.0.0: usage: transkun" seen.txt
grep -q "84.2.1: ModuleNotFoundError: No module named 'pkg_resources'" seen.txt
