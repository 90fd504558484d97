"""Where station methods put nodes whose station is known: a public test of their outlines."""
