"""The screen, by Textual: the one room that imports it, on an operator's computer only."""
