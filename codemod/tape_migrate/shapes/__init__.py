"""Recipes, one a file, and what they share: who carries a source into a target, and what hinders.

``decide`` turns a call into a candidate or a refusal; ``groups`` tells which candidates share a
tape; ``local`` and ``hessians`` write them; ``control_flow`` compiles what is around them.
"""
