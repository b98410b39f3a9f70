"""The server itself: where it is, what is sent to it, and what its faults mean."""
