"""Gates: compare measurements with a recipe's budget. Only evidence.py and judge.py read files."""
