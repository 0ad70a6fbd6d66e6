"""Other Pythons and other torches: environments are made, tried and removed, one after the other.

`make versions` writes the table "Works with" of the README. An environment takes 5 to 7 GB of disk and of downloads
on Linux, and about ten minutes on two cores.
"""
