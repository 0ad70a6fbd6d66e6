"""From the lessons' sources to notebooks: cells.py reads, execute.py runs, outputs.py cleans, table.py lists."""
