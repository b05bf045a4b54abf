"""From posteriors to notes, chapter ``decoding``: the released algorithm, our own decoder, fitting, pitch bends."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
