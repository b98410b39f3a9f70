"""The events that the dashboard keeps: a ring of them, a filter, and a way back."""
