"""Dataflow over stdlib ``ast`` statements: symbols, control flow, reaching definitions, liveness.

Nothing here knows TensorFlow. All walks are iterative, so deeply nested sources are no danger.
"""
