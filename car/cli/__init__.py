"""The command line: ``car``, a module for each topic.

What a command needs is imported when it runs, so that ``car --help`` answers at once and driving never loads what only
training needs.
"""
