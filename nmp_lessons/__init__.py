"""The library behind the book: one module or package for each chapter, under the chapter's name.

audio -> `cqt` -> `harmonic_stacking` -> `model` -> posteriors -> `decoding` -> notes -> `evaluation` -> scores

`transcribe` runs the whole pipeline in one call. The other chapters are `sound`, `targets`, `cross_entropy`,
`training`, `augmentation`, `median_filtering`, `ablations` and `beyond`. They build on `audio`, `notes` and `data`;
`book` (what readers see) and `cli` (the commands) build on them. Imports go in this one direction only.
"""

__version__ = "1.0.0"


def __getattr__(name: str):
    if name == "transcribe":  # here, because it needs PyTorch, which `import nmp_lessons` alone should not load
        from .hearing import transcribe

        return transcribe
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
