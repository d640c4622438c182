"""Building blocks of rewrites: drafts of text edits, tape blocks, imports, fresh names."""
