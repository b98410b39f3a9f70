"""What is measured: each module has ``MEASURES``, in the order of the table."""
