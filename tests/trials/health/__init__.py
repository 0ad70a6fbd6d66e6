"""Hours of work in one process: memory, open files, threads and widgets are looked at again and again.

    python -m trials.health                          every part, then the table of docs/robustness.md
    python -m trials.health training detect-past     some of them; the table is of all that were measured so far

Each part works in a process of its own and leaves what it saw in runs/health/, a line per look.
"""
