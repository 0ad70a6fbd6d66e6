"""Changed, cut and made-up files for everything that reads one.

target.py says what is read, mutate*.py make inputs from valid ones, attempt.py reads one of them and judges what came
back, runner.py does it many times, guided.py lets atheris look for new paths, tally.py counts. Targets are in
dataset.py and the modules beside it; targets.py has the list of all.
"""
