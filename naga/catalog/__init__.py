"""What the receipts below a folder say, read quickly and put together; all of it can be deleted and rebuilt."""
