"""What a run says: unified diff, text report, JSON report."""
