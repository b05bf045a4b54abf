#!/bin/sh
# otter-grader 7.0.0: a test file that cannot be imported costs the student the marks, and nobody is told.
#
# Two test files for one notebook, both in Otter's plain format and worth one mark each. The second one imports a
# package that the grading machine lacks (an instructor's helper, say, or a library that has been renamed). Observed:
# `otter run` ends with exit status 0, prints a table with 0.0 of the marks and no word about the import, and writes a
# results.json with score 0 for the submission, although the first answer is right. Only `--debug` shows the
# ModuleNotFoundError. A grader that trusts the exit status gives a whole class zero.
# Expected: an exit status other than 0, or the error in the results. The script fails if this changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install -q otter-grader==7.0.0 ipykernel==7.1.0
mkdir tests
cat > tests/q1.py <<'TEST'
OK_FORMAT = True
test = {"name": "q1", "points": 1, "suites": [{"type": "doctest", "cases": [{"code": ">>> x\n2", "hidden": False}]}]}
TEST
cat > notebook.py <<'MAKE'
import nbformat
book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("x = 1 + 1")])
book.metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}, "language_info": {"name": "python"}}
nbformat.write(book, "answer.ipynb")
MAKE
env/bin/python notebook.py
PATH="$folder/env/bin:$PATH"
graded() {
    rm -rf autograder.zip results.json
    otter generate -t tests -o autograder.zip --no-config --no-requirements --no-environment > generate.txt 2>&1
    status=0
    otter run --no-logo -a autograder.zip -o . answer.ipynb > run.txt 2>&1 || status=$?
    python -c "
import json
tests = json.load(open('results.json'))['tests']
print('status $status, score', sum(test.get('score', 0) for test in tests))"
}
echo "otter-grader $(pip show otter-grader | sed -n 's/^Version: //p')"
both=$(graded)
echo "the right answer:                          $both"
cat > tests/q2.py <<'TEST'
import a_package_that_is_not_installed
OK_FORMAT = True
test = {"name": "q2", "points": 1, "suites": [{"type": "doctest", "cases": [{"code": ">>> x\n2", "hidden": False}]}]}
TEST
broken=$(graded)
echo "the same, a second test cannot be imported: $broken"
grep -c "a_package_that_is_not_installed" run.txt results.json || true
test "$both" = "status 0, score 1.0"
case "$broken" in "status 0, score 0"*) ;; *) echo "otter-grader has changed."; exit 1 ;; esac
