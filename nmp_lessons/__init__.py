"""The library behind the book: one module or package for each chapter, under the chapter's name.

audio -> `cqt` -> `harmonic_stacking` -> `model` -> posteriors -> `decoding` -> notes -> `evaluation` -> scores

`transcribe` is that whole way in one call. Around it stand `sound`, `targets`, `cross_entropy`, `training`,
`augmentation`, `median_filtering`, `ablations` and `beyond`. Below the chapters are `audio`, `notes` and `data`, above
them `book` (what readers see) and `cli` (the commands). Imports go one way: down.
"""

__version__ = "1.0.0"


def __getattr__(name: str):
    if name == "transcribe":  # here, since it takes PyTorch, which `import nmp_lessons` alone should not load
        from .hearing import transcribe

        return transcribe
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
