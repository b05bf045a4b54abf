"""The network of the book (chapter ``model``): its layers, how to run and inspect it, and the released weights."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
