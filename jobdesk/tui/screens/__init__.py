"""The screens: one per mode, one for a job, and the dialogs."""
