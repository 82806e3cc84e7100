"""MLflow as a view of receipts: what is there can be deleted, and written anew from ``run.lock`` files."""
