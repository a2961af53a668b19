"""What `schedule()` is made of: the jobs' relations, the rules, and the board they fill."""
