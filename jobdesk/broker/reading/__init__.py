"""What is read of queues and jobs, and never changed: lists, figures, searches, forecasts."""
