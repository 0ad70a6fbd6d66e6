"""Three relatives of CLAB's branch on the same backbone and data: ranked contrast, CrossCL, CoDo-style."""
