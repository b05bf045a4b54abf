"""What must not matter, chapter ``augmentation``: changes of recordings, changes of features, denoising."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
