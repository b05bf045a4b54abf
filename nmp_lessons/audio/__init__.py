"""Sound: recordings and their files, levels, the book's piano, other instruments, rooms.

Audio is mono float32 with full scale 1; times are in seconds and frequencies in Hz. Chapters import from here, never
the other way round: this package imports only `nmp_lessons.notes` and the foundations.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
