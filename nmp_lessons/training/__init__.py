"""How the network learns, chapter ``training``: recipes, batches, the loop, validation, checkpoints, corpora."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
