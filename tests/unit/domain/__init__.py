"""The rules of approval, each test a sentence of them."""
