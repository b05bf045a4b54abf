from .hearing import transcribe as transcribe

__version__: str
