"""The commands of ``licence-trust``, one per file; heavy imports wait until a command runs."""
