"""Run functions on files of strangers in a child process with limits.

`child` starts a process and calls functions in it, `server` is the program of that process,
`limits` has what it may use, `messages` the data that comes back.

A limited process is no jail: it reads what the user can read, and it can connect to other machines.
"""
