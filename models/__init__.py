"""What a pilot model is: its contract, its card, its loader, and the models that ship."""
