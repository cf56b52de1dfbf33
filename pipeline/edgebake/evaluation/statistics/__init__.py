"""How sure a number is: bounds that hold, from counts alone; and how many more examples would decide."""
