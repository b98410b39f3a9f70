"""What the types of the notification queue do: one module each."""
