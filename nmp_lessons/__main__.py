"""`python -m nmp_lessons` is `nmp-lessons`; `torchrun -m nmp_lessons` starts it on several processors."""

import sys

from .cli import main

sys.exit(main())
