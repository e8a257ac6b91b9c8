/*
 * start: how a program begins, as the runtime calls it.
 */
#ifndef LIBC_GLUE_START_H
#define LIBC_GLUE_START_H

/* The runtime's launch.c calls this on main's thread. argv and envp end with NULL. */
void program_main(int argc, char **argv, char **envp) __attribute__((noreturn));

#endif
