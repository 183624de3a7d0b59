"""The pages in a real browser, and a whole car behind them."""
