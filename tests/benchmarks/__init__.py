"""Every figure that the README claims: ``make bench`` prints them, the peer's beside ours."""
