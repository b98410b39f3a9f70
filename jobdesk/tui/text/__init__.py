"""How things are said: times, signs, jobs, errors, as text that a terminal may be given."""
