"""Notes as plain arrays, the names and frequencies of their pitches, and their files: MIDI and tables.

Times are in seconds from the start of the music, pitches are MIDI numbers on the piano (21 to 108).
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
