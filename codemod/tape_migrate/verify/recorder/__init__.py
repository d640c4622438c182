"""The recorder: runs one side of a program and writes down every gradient of its migrated calls.

A self-contained folder that needs the standard library, numpy and TensorFlow only, and keeps to
Python 3.6 and TensorFlow 1.13, so that the old side of a proof can run on the TensorFlow that it
was written for. It is started as ``python recorder job.json`` and imported by nobody else.

The program's text has been prepared: the callee of each call to watch stands in
``__tape_migrate__(number, callee)``, which is a built-in function here (``sites.py``). What such
a call returns is recorded at once if it has a value (eager tensors), by an operation beside it
where it is made in a ``tf.function`` or a loop body (``traced.py``), and else with each run of a
Session that computes it (``graphs.py``).
"""
