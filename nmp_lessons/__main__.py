"""`python -m nmp_lessons` is the same as `nmp-lessons`; `torchrun -m nmp_lessons` runs it in several processes."""

import sys

from .cli import main

sys.exit(main())
