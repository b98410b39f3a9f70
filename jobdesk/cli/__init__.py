"""The command line: one module per group of commands, each loaded when its command is called."""
