"""Long measurements of what a user's machine may do to us: faults, hostile files, hours of work, other versions.

Each is a module with a command (`make faults`, `make fuzz`, ...) that writes its table into docs/robustness.md; the
tests beside it run a short version.
"""
