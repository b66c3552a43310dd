"""`make prove`: the promises of the product under random files, faults and readers.

    python -m tests.prove --seed 7 --seconds 120

starts the real stack, lets a nemesis break it from the seed while files are dropped and readers
watch, waits until it is quiet, and checks that nothing was lost, doubled, halved or told wrong.
"""
