"""Notebooks (.ipynb): cells read as one program, edits put back cell by cell, all else kept."""
