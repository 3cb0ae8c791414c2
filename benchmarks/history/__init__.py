"""What asv measures of each commit: see asv.conf.json."""
