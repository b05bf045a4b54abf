"""Grading what students hand in: their code runs behind a wall, and its results are judged outside.

A submission is the code of a stranger. `runner` executes it in a process of its own, which `isolation` shuts off: no
network, no files but the system's, the package's and the students' own exercises, and limits on time, memory,
processes and disk. Only values leave that process, as plain data (`exchange`). `judge` compares them with keys and
hidden tests that the process never sees. `marks` goes through the submissions and writes the table.
"""
