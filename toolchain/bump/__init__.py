"""The pins' newest versions: looked up, shown with what follows from them, and written."""
