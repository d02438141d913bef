"""Judges a server by the contract, from outside; takes no word of the contract from the house."""
