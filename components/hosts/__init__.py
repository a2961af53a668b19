"""Where machines come from. Each module makes `Host`s; nothing else knows which did."""
