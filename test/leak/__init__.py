"""Does anything that a caller or a model wrote rest on disk in clear?"""
