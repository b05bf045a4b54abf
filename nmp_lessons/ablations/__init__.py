"""Which parts matter? Chapter ``ablations``: the table of runs, the test conditions, measuring and comparing."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
