"""Data sets and their storage: MAESTRO and the book's ten excerpts, (n)ASAP, vocadito, corpora on disk."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
