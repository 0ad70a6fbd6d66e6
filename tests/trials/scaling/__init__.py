"""`make scaling`: what travels between processes beside the cost model, and what becomes of a job that loses one."""
