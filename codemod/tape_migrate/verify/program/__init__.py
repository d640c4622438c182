"""Whole programs: run the old one and the new one, compare every gradient at every migrated call.

``change`` says what was migrated, ``calls`` and ``pairing`` which new call stands for which old
one, ``prepare`` writes the two copies of the project, ``side`` runs one of them under the recorder,
``records`` reads what it wrote, ``judge`` compares, ``prove`` puts these together, ``command`` is
what the command line calls.
"""
