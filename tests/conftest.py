"""What all tests share."""

import os

# Threads that wait must not spin: with other work on the cores that costs tenfold. Set before torch loads.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import pytest  # noqa: E402
from hypothesis import settings  # noqa: E402

from tools.browser import launched, served  # noqa: E402

settings.register_profile("patient", deadline=None)  # how long an example takes says how busy the machine is
settings.load_profile("patient")


@pytest.fixture(scope="session")
def browser():
    """One Chromium for all tests."""
    with launched() as running:
        yield running


@pytest.fixture(scope="module")
def site(folder):
    """The address of the pages that a test module made in its `folder`."""
    with served(folder) as address:
        yield address
