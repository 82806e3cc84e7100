"""Questions about runs, JSON in and JSON out: what the panel, the widget and programs show."""
