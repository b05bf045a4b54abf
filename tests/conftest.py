"""What all tests share."""

import os

# Threads that wait must not spin: with other work on the cores that costs tenfold. Set before torch loads.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
