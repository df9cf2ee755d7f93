"""The use cases, as every surface calls them: command line, HTTP, programs.

Plain functions with typed results. They know neither a terminal nor HTTP; what a caller may see
and do is a scope, and what goes wrong is an ApplicationError with a stable code.
"""
