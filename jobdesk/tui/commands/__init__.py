"""What an operator can have done, as the dashboard knows it: its words, its question, its deed."""
