"""The same mathematics as in the chapters' modules, only faster; tests check that both agree."""
