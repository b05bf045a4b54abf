"""Other networks over the same input, chapter ``beyond``: a transformer, a GRU, a separable one; quantisation, ONNX."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
