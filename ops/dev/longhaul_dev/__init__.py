"""The local stack: everything longhaul needs, in one folder, as an unprivileged user.

`stack.Stack` is the way in for tests and for the command line (`python3 -m longhaul_dev`).
Only the standard library is used: this code has to run before anything is installed.
"""
