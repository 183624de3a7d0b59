"""The exam: what pilots are asked, how they drive it, and what it is worth."""
