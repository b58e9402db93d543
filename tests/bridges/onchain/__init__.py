"""Real bridge contracts on local chains. `npm install` in `tests/bridges/npm` brings their published builds."""
