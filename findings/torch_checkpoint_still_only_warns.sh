#!/bin/sh
# torch 2.13.0: `torch.utils.checkpoint` says that it will raise an exception "starting in PyTorch 2.9", and doesn't.
#
# Called without `use_reentrant`, as older code does. Observed: the call returns its result, with a UserWarning that
# announces an exception from a version that is four behind. Programs that were written before the option existed,
# such as transkun 2.0.1, still run.
# Expected: an exception, or a warning that names a version to come. The script fails if this changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install -q torch==2.13.0 numpy==2.3.5
cat > again.py <<'READ'
import re
import warnings
import torch
from torch.utils.checkpoint import checkpoint
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    result = checkpoint(torch.square, torch.tensor(3.0, requires_grad=True))
said = " ".join(str(warning.message) for warning in caught)
announced = re.search(r"Starting in PyTorch (\d+\.\d+), calling checkpoint without use_reentrant will raise", said)
print(f"torch {torch.__version__}: result {result.item()}; the warning announces an exception from {announced[1]} on")
raise SystemExit((result.item(), announced[1]) != (9.0, "2.9"))
READ
env/bin/python again.py
