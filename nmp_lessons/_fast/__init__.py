"""The same mathematics as in the chapters' modules, only faster; tests hold both equal."""
