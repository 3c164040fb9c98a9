"""The rules of a company that builds things: an example of a Greenlight plug-in.

Each module is one rule. They get plain JSON and answer plain JSON; they know nothing of Greenlight but the name of its hooks.
"""
