"""Pre-training of a backbone by ranked contrast, CrossCL or CoDo-style contrast: one loop for the three methods.

clab-lite pretrain codo data_samples --out runs/codo        makes runs/codo/backbone.safetensors
clab-lite train data_samples --preset lesson --init runs/codo/backbone.safetensors
"""
