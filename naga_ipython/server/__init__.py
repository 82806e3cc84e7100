"""The Jupyter server's side of naga: questions about runs over HTTP, and events when receipts change."""
