"""What the jobs of the email queue do: one module a kind of mail, and their data."""
