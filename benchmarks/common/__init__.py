"""What the benchmarks share: the conditions of a run, results files, real tables, scores and other classifiers.

Scripts in the folder above import it as ``common``; nothing else does, and nothing here runs by itself.
"""
