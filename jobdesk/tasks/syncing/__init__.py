"""What the types of the sync queue do: one module each."""
