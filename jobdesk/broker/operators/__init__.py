"""What operators do: commands, their audit, who else is there, and the way back."""
